"""What is done with the chapters by hand or by `make`: each module is one command, ``python -m commands.NAME``.

===============  =======================================================================================
`execute`        runs chapters and stores their outputs, in the normal form of `normalise`
`reading`        writes the chapters as they are read in JupyterLab
`student`        makes a copy for a course, without the solutions, and grades the answers of one or a class (`grading`)
`collect`        puts what a class handed in where nbgrader looks for it
`graders`        has nbgrader and `student` grade the same hand-ins, and stores what came of it
`dist`           builds the wheel and the sdist
`anywhere`       runs chapters outside the repository, beside the installed wheel
`address`        writes the address of the repository, once it has one, wherever it is needed
`lite`, `pdf`    make the JupyterLite site and the PDF
`releases`       asks the package index when each requirement was released last
`everywhere`     runs unit tests and chapters under other arithmetics, and stores what came of it
`wasm`           does so under WebAssembly (`wasm_guest` is what runs inside)
`reseed`         runs the chapters with shifted seeds (`reseeding` is what shifts them)
===============  =======================================================================================

`hygiene` holds the rules that the tests apply to the stored chapters; the letters of their formulas are found by
`symbols`. A command may use `book`; neither that, which Sphinx loads, nor the package knows a command.
"""
