"""test_clients.py SERVE: curl, nghttp and h2load against the codecs, over the loopback. TAP."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TIMEOUT = 120
results = []


def run(*command):
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def check(name, good, why=""):
    results.append(good)
    print(f"{'ok' if good else 'not ok'} {len(results)} - {name}")
    if not good:
        print("\n".join("# " + line for line in str(why).splitlines()[-20:]))


def skip(name, why):
    results.append(True)
    print(f"ok {len(results)} - {name} # SKIP {why}")


class Server:
    def __init__(self, version):
        self.process = subprocess.Popen([sys.argv[1], version], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(TIMEOUT) == 0


def curl_cases(version, url, body):
    flag = "--http2-prior-knowledge" if version == "h2" else "--http1.1"
    curl = ["curl", "--noproxy", "*", "-sS", flag, "--max-time", "60"]
    with open(body, "rb") as file:
        sent = file.read()

    # curl 7.88 cannot use such a connection of HTTP/2 twice; nghttp and h2load do.
    count = 1 if version == "h2" else 3
    code, out, err = run(*curl, *[url + "/"] * count)
    check(f"{version}: curl gets {count} on a connection", code == 0 and out == b"hello\n" * count, err)
    code, out, err = run(*curl, "-I", url + "/")
    check(f"{version}: curl asks for a head", code == 0 and b"content-length: 6" in out, err)
    code, out, err = run(*curl, "-T", body, url + "/echo")
    check(f"{version}: curl sends a file and gets it back", code == 0 and out == sent, err)
    code, out, err = run(*curl, "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "--data-binary",
                         "@" + body, url + "/echo")
    check(f"{version}: curl sends a body of unstated length", code == 0 and out == sent, err)
    code, out, err = run(*curl, "-H", "Expect: 100-continue", "--data-binary", "@" + body, url + "/echo")
    check(f"{version}: curl waits for 100", code == 0 and out == sent, err)
    code, out, err = run(*curl, "-D", "-", url + "/echo")
    check(f"{version}: curl sees the trailers", code == 0 and b"x-sum: 0" in out, (out, err))
    code, out, err = run(*curl, "-w", "%{http_code}", "--data-binary", "@" + body, url + "/no")
    check(f"{version}: curl is refused before its body was read", out.startswith(b"never\n403"), (out, err))


def nghttp_cases(url, body):
    code, out, err = run("nghttp", "-v", "-d", body, url + "/echo")
    check("h2: nghttp sends a file and sees the trailers", code == 0 and f"x-sum: {os.path.getsize(body)}" in
          re.sub(r"\x1b\[[0-9;]*m", "", out.decode(errors="replace")), err)
    code, out, err = run("nghttp", "-vn", "-m", "50", url + "/")
    check("h2: nghttp asks fifty times at once", code == 0 and
          re.sub(rb"\x1b\[[0-9;]*m", b"", out).count(b":status: 200") == 50, out[-2000:])


def load_cases(version, url):
    more = ["-m", "20"] if version == "h2" else ["--h1"]
    code, out, err = run("h2load", "-n", "2000", "-c", "8", *more, url + "/")
    check(f"{version}: h2load gets all it asks for", code == 0 and
          b"2000 succeeded, 0 failed, 0 errored" in out, out)


def h2c_cases(url):
    code, out, err = run("curl", "--noproxy", "*", "-sS", "--http2", "-w", "%{http_version}", "--max-time", "60", url + "/")
    check("P11 h1: an upgrade to h2c is not heard", code == 0 and out == b"hello\n1.1", (out, err))
    code, out, err = run("curl", "--noproxy", "*", "-sS", "--http2-prior-knowledge", "--max-time", "60", url + "/")
    check("P11 h1: HTTP/2 by prior knowledge is refused", code != 0 and b"hello" not in out, (out, err))


def main():
    with tempfile.TemporaryDirectory() as folder:
        body = os.path.join(folder, "body")
        with open(body, "wb") as file:
            file.write(os.urandom(3 << 20))
        for version in ("h1", "h2"):
            server = Server(version)
            if shutil.which("curl"):
                curl_cases(version, server.url, body)
            else:
                skip(f"{version}: curl", "no curl")
            if version == "h1" and shutil.which("curl"):
                h2c_cases(server.url)
            if version == "h2" and shutil.which("nghttp"):
                nghttp_cases(server.url, body)
            if shutil.which("h2load"):
                load_cases(version, server.url)
            else:
                skip(f"{version}: h2load", "no nghttp2-client")
            check(f"{version}: the server ends", server.stop())
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


sys.exit(main())
