"""The disk of an agent."""
import collections, hashlib, secrets, sqlite3

Known = collections.namedtuple("Known", "id manager nonce result stdout stderr")  # a command; its result is bytes or None


class Journal:
    """Stores identity, accepted commands, their output and their results. All is on disk before the Manager hears of it."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript("""
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
            CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT);
            CREATE TABLE IF NOT EXISTS command (id INTEGER PRIMARY KEY, manager TEXT, nonce TEXT, result BLOB,
              stdout INTEGER DEFAULT 0, stderr INTEGER DEFAULT 0, acked_stdout INTEGER DEFAULT 0, acked_stderr INTEGER DEFAULT 0);
            CREATE TABLE IF NOT EXISTS output (id INTEGER, stream TEXT, start INTEGER, bytes BLOB);
            CREATE INDEX IF NOT EXISTS by_start ON output (id, stream, start);""")
        self.hashes = {}  # of what this run of the agent has stored, by command and stream; nothing of them survives it
        if self.get("instance") is None:
            self.new_instance()

    def get(self, key, default=None):
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else default

    def set(self, key, value):
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(value)))

    def new_instance(self):
        self.set("instance", secrets.token_hex(16))
        self.set("session", 0)

    def commands(self, where="true", *values):
        rows = self.db.execute("SELECT id, manager, nonce, result, stdout, stderr FROM command"
                               f" WHERE {where} ORDER BY id", values)
        return [Known(id, manager, int(nonce), *rest) for id, manager, nonce, *rest in rows]

    def command(self, id):
        return next(iter(self.commands("id = ?", id)), None)

    def accept(self, command, manager):
        self.db.execute("BEGIN")
        self.db.execute("INSERT INTO command (id, manager, nonce) VALUES (?, ?, ?)",
                        (command.command_id, manager, str(command.nonce)))
        self.set("last_command_id", command.command_id)
        self.db.execute("COMMIT")

    def append(self, id, stream, data):
        self.db.execute("BEGIN")
        self.db.execute(f"INSERT INTO output SELECT id, ?, {stream}, ? FROM command WHERE id = ?", (stream, data, id))
        self.db.execute(f"UPDATE command SET {stream} = {stream} + ? WHERE id = ?", (len(data), id))
        self.db.execute("COMMIT")
        self.hashes.setdefault((id, stream), hashlib.sha256()).update(data)

    def read(self, id, stream, offset):
        row = self.db.execute("SELECT start, bytes FROM output WHERE id = ? AND stream = ? AND start + length(bytes) > ?"
                              " ORDER BY start LIMIT 1", (id, stream, offset)).fetchone()
        return row and row[1][offset - row[0]:]

    def acknowledge(self, id, stream, offset):
        self.db.execute("DELETE FROM output WHERE id = ? AND stream = ? AND start + length(bytes) <= ?", (id, stream, offset))
        self.db.execute(f"UPDATE command SET acked_{stream} = max(acked_{stream}, ?) WHERE id = ?", (offset, id))

    def unacknowledged(self, id):
        row = self.db.execute("SELECT stdout + stderr - acked_stdout - acked_stderr FROM command WHERE id = ?", (id,)).fetchone()
        return row[0] if row else 0

    def finish(self, id, result):
        known = self.command(id)
        result.stdout_bytes, result.stderr_bytes = known.stdout, known.stderr
        for stream in ("stdout", "stderr"):
            if known_hash := self.hashes.pop((id, stream), None):
                setattr(result, f"{stream}_sha256", known_hash.digest())
        self.db.execute("UPDATE command SET result = ? WHERE id = ?", (result.SerializeToString(), id))

    def forget(self, id):
        self.db.execute("DELETE FROM output WHERE id = ?", (id,))
        self.db.execute("DELETE FROM command WHERE id = ?", (id,))
