#!/usr/bin/env python3
"""chat_visitor.py PROGRAM: starts it, visits its room as two people, and looks at what they hear.

A WebSocket by hand, so that nothing stands between the test and the wire.
"""
import base64
import os
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request


class Guest:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /chat/room HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.stream = self.socket.makefile("rb")
        status = self.stream.readline()
        assert b" 101 " in status, status
        while self.stream.readline() != b"\r\n":
            pass

    def say(self, text):
        data, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.socket.sendall(bytes([0x81, 0x80 | len(data)]) + mask + masked)

    def hear(self):
        first, length = self.stream.read(2)
        assert length < 126, length
        return first, self.stream.read(length)


def visit(url):
    address = urllib.parse.urlsplit(url).netloc
    with urllib.request.urlopen(url) as page:
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert b"/chat/script.js" in page.read()
    ann, ben = Guest(address), Guest(address)
    ann.say("hello")
    assert ben.hear() == ann.hear() == (0x81, b"hello")
    ben.say("!is anybody here?")
    assert ben.hear() == ann.hear() == (0x81, b"!is anybody here?")
    assert ben.hear() == ann.hear() == (0x81, b"!IS ANYBODY HERE?")
    return ann


def main():
    with tempfile.TemporaryDirectory() as folder:
        chat = subprocess.Popen([sys.argv[1], folder + "/state"], stderr=subprocess.PIPE, text=True)
        try:
            url = next((line for line in chat.stderr if line.startswith("http://")), None)
            assert url, "it ended without a page"
            guest = visit(url.strip())
            chat.terminate()
            first, reason = guest.hear()
            assert first == 0x88 and reason[:2] == b"\x03\xe9", reason  # going away
            guest.stream.close()
            guest.socket.close()
            assert chat.wait(30) == 0, chat.returncode
        finally:
            chat.kill()
    print("two guests, a word, and a job that shouted")


main()
