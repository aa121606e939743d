"""Settings of an agent: its own and those of its Manager."""
import base64, json, os, secrets, ssl


def join(token, folder):
    """Reads a token, whose middle part is JSON in base64url. The Manager learns the secret at the first hello."""
    decode = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    said = json.loads(decode(token.strip().split("-", 1)[1].rsplit("-", 1)[0]))
    config = {"name": said["name"], "addresses": said["addresses"], "serverName": said["serverName"],
              "ca": ssl.DER_cert_to_PEM_cert(decode(said["ca"])), "joinToken": said["secret"],
              "secret": secrets.token_urlsafe(32)}
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(os.open(path(folder), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(config, file)


def load(folder):
    with open(path(folder)) as file:
        return json.load(file)


def path(folder):
    return os.path.join(folder, "agent.json")
