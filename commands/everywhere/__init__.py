"""The unit tests and all chapters under every arithmetic that one machine can offer: ``python -m commands.everywhere``.

The last bits of a result depend on the kernels of the linear algebra library, on the vector instructions that NumPy
uses, on the number of threads and on versions. Nothing that the book prints, and no verdict, may. Each row of the
table is one such arithmetic; before it counts, a process that it starts is asked what really runs (`probe`).
"""
