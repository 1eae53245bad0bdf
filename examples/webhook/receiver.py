"""receiver.py PORT-FILE SECRET-FILE: takes jobs of Pinion as webhooks, and counts their words.

Listens on a free port of 127.0.0.1 and writes it to PORT-FILE. Only Python's standard library.
"""
import http.server
import os
import sys

from verify import is_from_pinion

with open(sys.argv[2], "rb") as file:
    SECRET = file.read().rstrip(b"\n")


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not is_from_pinion(self.headers, body, SECRET):
            self.answer(401, "not from our Pinion")
        elif self.path == "/busy" and self.headers["Pinion-Attempt"] == "1":
            self.answer(503, "not yet")  # Pinion comes again
        else:
            self.answer(200, "%d words" % len(body.split()))

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
