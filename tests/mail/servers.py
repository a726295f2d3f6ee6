"""A real Dovecot (IMAP) and a real Exim (SMTP) for the tests: own configuration, loopback only, random ports.

Dovecot runs as root (mail then belongs to nobody) and as a plain user, Exim as root. Each is stopped by its
process id.
"""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from convergio.mail.mailboxes.protocol import MailboxSettings

PASSWORD = "correct-horse"
DOMAIN = "mail.test"


@dataclass(frozen=True)
class Account:
    """One user of both servers; `maildir` is where Exim delivers to and Dovecot reads from."""

    name: str
    maildir: Path
    settings: MailboxSettings

    @property
    def address(self) -> str:
        return f"{self.name}@{DOMAIN}"

    def deliver(self, raw: bytes, *, folder: str = "") -> str:
        """Put a message where a delivery agent would; returns its file name."""
        place = self.maildir / f".{folder}" if folder else self.maildir
        for part in ("new", "cur", "tmp"):
            _make_folder(place / part)
        name = f"{time.time_ns()}.{uuid.uuid4().hex}.test"
        (place / "tmp" / name).write_bytes(raw)
        _give_to_mail_user(place / "tmp" / name)
        (place / "tmp" / name).rename(place / "new" / name)
        return name

    def with_settings(self, **changes: object) -> MailboxSettings:
        return replace(self.settings, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class MailServers:
    """Ports and folders of the running pair."""

    base: Path
    certificate: Path
    imap_port: int
    imaps_port: int
    smtp_port: int
    smtps_port: int

    def account(self, name: str = "") -> Account:
        """A new user; both servers know every name under DOMAIN with PASSWORD."""
        name = name or f"user{uuid.uuid4().hex[:10]}"
        maildir = self.base / "mail" / name / "Maildir"
        _make_folder(maildir)
        settings = MailboxSettings(
            kind="imap",
            email_address=f"{name}@{DOMAIN}",
            imap_host="127.0.0.1",
            imap_port=self.imap_port,
            imap_security="plain",
            imap_username=name,
            imap_password=PASSWORD,
            smtp_host="127.0.0.1",
            smtp_port=self.smtp_port,
            smtp_security="plain",
            smtp_username=name,
            smtp_password=PASSWORD,
            allow_private_hosts=True,
            timeout=10.0,
        )
        return Account(name, maildir, settings)


@pytest.fixture(scope="session")
def mail_servers() -> Iterator[MailServers]:
    """Dovecot, running until the end of the session, and the places for Exim."""
    with running_dovecot() as servers:
        yield servers


@contextmanager
def running_dovecot() -> Iterator[MailServers]:
    """Dovecot for as long as the context lasts, and the places for Exim."""
    dovecot = _program("dovecot", "dovecot-imapd")
    # Not pytest's folder: that one is closed to the user that mail belongs to.
    base = Path(tempfile.mkdtemp(prefix="convergio-mail-"))
    base.chmod(0o755)
    servers = MailServers(base, base / "certificate.pem", *_free_ports(4))
    _write_certificate(servers.certificate, base / "key.pem")
    _make_folder(base / "mail")
    try:
        with _running(
            [dovecot, "-F", "-c", str(_dovecot_configuration(servers))], base / "dovecot.out"
        ) as process:
            _wait_until_ready(servers.imap_port, process, base)
            yield servers
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="session")
def smtp_server(mail_servers: MailServers) -> Iterator[MailServers]:
    """Exim beside Dovecot, delivering into its mailboxes."""
    with running_exim(mail_servers):
        yield mail_servers


@contextmanager
def running_exim(servers: MailServers) -> Iterator[None]:
    """Exim for as long as the context lasts. It lets nobody but root run it as a server."""
    exim = _program("exim4", "exim4-daemon-light")
    if os.getuid() != 0:
        _unavailable("Exim can be started as a server by root only; run the tests as root for this one.")
    command = [exim, "-C", str(_exim_configuration(servers)), "-bdf", "-q5s"]
    with _running(command, servers.base / "exim.out") as process:
        _wait_until_ready(servers.smtp_port, process, servers.base)
        yield


@pytest.fixture
def account(mail_servers: MailServers) -> Account:
    """A fresh user with an empty mailbox."""
    return mail_servers.account()


def imap_of(account: Account) -> imaplib.IMAP4:
    """An independent client, signed in as the account with INBOX selected."""
    client = imaplib.IMAP4(account.settings.imap_host, account.settings.imap_port, timeout=10)
    client.login(account.settings.imap_username, account.settings.imap_password)
    client.select("INBOX")
    return client


def flags_of(account: Account, sequence: str, *, folder: str = "INBOX") -> list[str]:
    """Flags of the messages as another client sees them."""
    client = imap_of(account)
    client.select(folder)
    _, answers = client.fetch(sequence, "(FLAGS)")
    client.logout()
    return [answer.decode() for answer in answers if isinstance(answer, bytes)]


def smtp_of(account: Account) -> smtplib.SMTP:
    """An independent client, signed in as the account."""
    client = smtplib.SMTP("127.0.0.1", account.settings.smtp_port, timeout=10)
    client.login(account.settings.smtp_username, account.settings.smtp_password)
    return client


def delivered(account: Account, count: int, *, seconds: float = 10.0) -> list[bytes]:
    """Messages that Exim put into the account's inbox, waiting for `count` of them."""
    deadline = time.monotonic() + seconds
    while True:
        files = sorted((account.maildir / "new").glob("*")) if (account.maildir / "new").is_dir() else []
        if len(files) >= count or time.monotonic() > deadline:
            return [file.read_bytes() for file in files]
        time.sleep(0.05)


@contextmanager
def _running(command: list[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server process in the foreground, ended with SIGTERM."""
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _program(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return found or _unavailable(
        f"{name} is not installed; install the Debian package {package} to run this test."
    )


def _unavailable(sentence: str) -> NoReturn:
    """Skip on somebody's own machine, fail where everything has to be there."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(listening.getsockname()[1]) for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], base: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.settimeout(2)
                if connection.recv(1):
                    return
        except OSError:
            time.sleep(0.05)
    logs = "\n".join(f"{path.name}: {path.read_text('utf-8', 'replace')}" for path in base.glob("*.*o*"))
    pytest.fail(f"The mail server did not start. {logs[-2000:]}")


def _mail_user() -> tuple[str, str]:
    """Who owns mail: never root, which Dovecot refuses."""
    if os.getuid() == 0:
        return "nobody", "nogroup"
    return pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name


def _give_to_mail_user(path: Path) -> None:
    if os.getuid() == 0:
        shutil.chown(path, *_mail_user())


def _make_folder(path: Path) -> None:
    missing = [parent for parent in (path, *path.parents) if not parent.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        _give_to_mail_user(folder)


def _write_certificate(certificate: Path, key: Path) -> None:
    """Self-signed, for localhost and 127.0.0.1."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.write_bytes(private.private_bytes(*form))
    _give_to_mail_user(key)


def _dovecot_configuration(servers: MailServers) -> Path:
    user, group = _mail_user()
    is_root = os.getuid() == 0
    # Dovecot's own helpers keep Debian's users under root, and are all this user otherwise.
    users = "" if is_root else f"default_internal_user = {user}\ndefault_login_user = {user}\n"
    users += "" if is_root else f"default_internal_group = {group}\n"
    chroot = "" if is_root else "  chroot =\n"
    path = servers.base / "dovecot.conf"
    path.write_text(
        f"""
base_dir = {servers.base}/run
state_dir = {servers.base}/run
log_path = {servers.base}/dovecot.log
protocols = imap
listen = 127.0.0.1
{users}ssl = yes
ssl_cert = <{servers.certificate}
ssl_key = <{servers.base}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{servers.base}/mail/%n/Maildir
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 200
mailbox_list_index = no
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={servers.base}/mail/%n
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Spam {{
    special_use = \\Junk
    auto = create
  }}
}}
service imap-login {{
{chroot}  inet_listener imap {{
    address = 127.0.0.1
    port = {servers.imap_port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {servers.imaps_port}
    ssl = yes
  }}
}}
service anvil {{
{chroot}  # Without this one wrong password slows down every later login from this address.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
{chroot}}}
"""
    )
    return path


def _exim_configuration(servers: MailServers) -> Path:
    """Delivers DOMAIN into the Maildirs; refuses what a test asks it to refuse, by local part or subject."""
    user, group = _mail_user()
    path = servers.base / "exim.conf"
    _make_folder(servers.base / "spool")
    path.write_text(
        f"""
exim_user = {user}
exim_group = {group}
deliver_drop_privilege = true
spool_directory = {servers.base}/spool
log_file_path = {servers.base}/spool/%slog
primary_hostname = localhost
local_interfaces = <; 127.0.0.1.{servers.smtp_port} ; 127.0.0.1.{servers.smtps_port}
tls_on_connect_ports = {servers.smtps_port}
tls_advertise_hosts = *
tls_certificate = {servers.certificate}
tls_privatekey = {servers.base}/key.pem
domainlist local_domains = {DOMAIN}
acl_smtp_rcpt = check_recipient
acl_smtp_data = check_content
host_lookup =
rfc1413_hosts =
never_users =
smtp_accept_max = 0
smtp_accept_queue = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
message_size_limit = 2M
queue_only = false
keep_environment =

begin acl
check_recipient:
  deny local_parts = refused
       message = no such user here
  defer local_parts = busy
       message = try again later
  deny !authenticated = *
       message = sign in first
  accept domains = +local_domains
         verify = recipient
  deny message = there is no such mailbox here
check_content:
  deny condition = ${{if match{{$h_subject:}}{{refuse the content}}}}
       message = the content is not wanted
  defer condition = ${{if match{{$h_subject:}}{{defer the content}}}}
       message = come back later
  accept

begin routers
local:
  driver = accept
  domains = +local_domains
  local_parts = dsearch,filter=dir;{servers.base}/mail
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {servers.base}/mail/$local_part_data/Maildir
  create_directory
  maildir_format
  user = {user}
  group = {group}
  delivery_date_add
  envelope_to_add
  return_path_add

begin retry
* * F,1h,5s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth3}}{{{PASSWORD}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if eq{{$auth2}}{{{PASSWORD}}}}}
  server_set_id = $auth1
"""
    )
    path.chmod(0o644)
    return path
