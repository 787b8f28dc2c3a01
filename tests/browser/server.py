"""A web server that says nothing, for the time of some tests."""

import contextlib
import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class _Quiet(SimpleHTTPRequestHandler):
    """Serves a folder under the address `under`, and nothing anywhere else."""

    def __init__(self, *args, under, **options):
        self.under = under
        super().__init__(*args, **options)

    def translate_path(self, path):
        inside = path.startswith(self.under + "/")
        return super().translate_path(path.removeprefix(self.under)) if inside else "/nothing/is/here"

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(directory, under=""):
    """The address at which `directory` is served."""
    handler = functools.partial(_Quiet, directory=directory, under=under)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}{under}"
        served.shutdown()
