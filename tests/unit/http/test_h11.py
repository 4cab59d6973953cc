"""test_h11.py HEADS: requests of heads.txt that we take are the same to h11, another strict parser. TAP."""
import re
import sys

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, whichever Python runs this
try:
    import h11
except ImportError:
    print("1..0 # SKIP no python3-h11")
    sys.exit(0)

ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "s": " ", "0": "\0", "\\": "\\", "p": "|"}
ESCAPE = re.compile(r"\\\{(\d+):(.)\}|\\x(..)|\\(.)|(\|)|(.)", re.S)


def decode(text):
    def one(match):
        run, what, byte, name, line_end, plain = match.groups()
        if run:
            return what * int(run)
        if byte:
            return chr(int(byte, 16))
        return ESCAPES[name] if name else "\r\n" if line_end else plain

    return ESCAPE.sub(one, text).encode("latin-1")


def understand(data):
    """Messages and bytes of body, as h11 sees them; each request is answered 204."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    connection.receive_data(b"")
    messages = bodies = 0
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            messages += 1
        elif isinstance(event, h11.Data):
            bodies += len(event.data)
        elif isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
            if connection.our_state is not h11.SEND_RESPONSE:
                break
            connection.send(h11.Response(status_code=204, headers=[]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                break
            connection.start_next_cycle()
        else:
            break
    return f"{messages}/{bodies}"


def main():
    failed = count = 0
    for line in open(sys.argv[1], encoding="utf-8"):
        row = re.fullmatch(r"request\s+([1-9]/\d+)\S*\s+(.*)\n", line)
        if row is None:
            continue
        ours, text = row.groups()
        count += 1
        try:
            theirs = understand(decode(text))
        except h11.RemoteProtocolError as error:
            theirs = f"refused: {error}"
        same = theirs == ours
        failed += not same
        print(f"{'ok' if same else 'not ok'} {count} - {ours} {text[:60].replace('#', ' ')}")
        if not same:
            print(f"# h11: {theirs}")
    print(f"1..{count}")
    return 1 if failed or not count else 0


sys.exit(main())
