"""Firefox by WebDriver BiDi, which it speaks itself: a process, a socket, and a page in it.

No driver and no package is needed that a notebook server does not bring (`websocket-client`).
"""

import contextlib
import json
import re
import shutil
import subprocess
import tempfile

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
WAIT = 120  # seconds: a busy machine is no reason to fail
PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "dom.w3c_touch_events.enabled": 1,
}
"""Of the profile: no questions, no calls home, and touch events without a touch screen."""


class Tab:
    """One page, with what it asked for and what it complained about. `evaluate` and `call` wait for promises."""

    def __init__(self, session, width):
        self.session = session
        self.context = session.send("browsingContext.create", type="tab")["context"]
        session.tabs[self.context] = self
        self.asked, self.complaints = [], []
        self.resize(width, 900)

    def resize(self, width, height):
        self.session.send(
            "browsingContext.setViewport", context=self.context, viewport={"width": width, "height": height}
        )

    def open(self, url):
        self.session.send("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression):
        return self.call(f"() => {expression}")

    def call(self, function, *arguments):
        """What the function returns, of these arguments; both go as JSON."""
        text = f"async () => JSON.stringify(await ({function})(...{json.dumps(arguments)})) ?? null"
        found = self.session.send("script.callFunction", functionDeclaration=text, awaitPromise=True,
                                  target={"context": self.context})  # fmt: skip
        if found["type"] == "exception":
            raise AssertionError(found["exceptionDetails"]["text"])
        return json.loads(found["result"].get("value", "null"))

    def drag(self, start, end, kind="mouse"):
        """Press at one place of the window, move and let go at another."""
        places = [[round(a + (b - a) * share) for a, b in zip(start, end, strict=True)] for share in (0, 0.3, 0.7, 1)]
        moves = [{"type": "pointerMove", "x": x, "y": y} for x, y in places]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        self._act(type="pointer", id=kind, parameters={"pointerType": kind}, actions=actions)

    def press(self, *keys):
        """Type the keys, named as in WebDriver (its private characters)."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._act(type="key", id="keyboard", actions=strokes)

    def _act(self, **source):
        self.session.send("input.performActions", context=self.context, actions=[source])

    def close(self):
        self.session.send("browsingContext.close", context=self.context)


class Session:
    """A connection to a running Firefox."""

    def __init__(self, address):
        import websocket

        self.socket = websocket.create_connection(f"{address}/session", timeout=WAIT, suppress_origin=True)
        self.number, self.tabs = 0, {}
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent", "network.fetchError"])

    def send(self, method, **parameters):
        """The result of a command; events that come before it are kept by their tabs."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer["type"] == "event":
                self._note(answer["method"], answer["params"])
            elif answer["id"] == self.number:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
                return answer["result"]

    def tab(self, width):
        """A new `Tab`, so wide in pixels."""
        return Tab(self, width)

    def _note(self, event, parameters):
        tab = self.tabs.get(parameters.get("context") or parameters.get("source", {}).get("context"))
        if tab is None:
            return
        if event == "network.beforeRequestSent":
            tab.asked.append(parameters["request"]["url"])
        elif event == "network.fetchError":
            tab.complaints.append(f"failed: {parameters['request']['url']}")
        elif parameters["level"] == "error":
            tab.complaints.append(parameters["text"])


@contextlib.contextmanager
def running():
    """A `Session` with a Firefox that has a profile of its own and ends with it."""
    with tempfile.TemporaryDirectory() as profile:
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
        with open(f"{profile}/user.js", "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        command = [FIREFOX, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            said = (re.search(r"listening on (ws://\S+)", line) for line in process.stderr)
            session = Session(next(found[1] for found in said if found))
            yield session
            session.send("browser.close")
        finally:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stderr.close()
