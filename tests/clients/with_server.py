"""with_server.py [--alone] PROGRAM... - runs a program with the URL of a server behind its words; the server has the models tiny and smollm2,
or smollm2 alone."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from model_server import ModelServer  # noqa: E402

alone = sys.argv[1] == "--alone"
s = ModelServer("--ctx", "1024", real=True, tiny=not alone)
try:
    status = subprocess.run([*sys.argv[1 + alone:], s.url]).returncode
finally:
    s.stop()
sys.exit(status)
