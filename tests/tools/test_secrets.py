"""Secrets in what a tool says: found in whatever form a file or a program has them, and nothing else is touched."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import litellm_codex_agent.tools.source as a_module
from litellm_codex_agent.errors import mask
from litellm_codex_agent.sandbox.kept import Kept
from litellm_codex_agent.tools.secrets import BrokenPattern, Scanner
from litellm_codex_agent.tools.source import cut

WORD = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"
AWS = f"{WORD[:30]}/+{WORD[:8]}"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.dozjgNryP4J3jVmNHl0w5N"
LINES = "\n".join([WORD + WORD[:24]] * 3)
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{LINES}\n-----END RSA PRIVATE KEY-----\n"


def clean(text: str, *known: str) -> str:
    return Scanner(known).clean(text)[0]


KEYS = [
    f"sk-proj-{WORD}",
    f"sk-ant-api03-{WORD}-_AA",
    f"sk-{WORD}",
    f"sk_live_{WORD[:24]}",
    f"rk_test_{WORD[:24]}",
    f"whsec_{WORD[:32]}",
    f"ghp_{WORD[:36]}",
    f"gho_{WORD[:36]}",
    f"github_pat_{WORD[:22]}_{WORD}",
    f"glpat-{WORD[:20]}",
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    f"AIza{WORD[:35]}",
    f"ya29.{WORD}",
    f"GOCSPX-{WORD[:28]}",
    f"xoxb-1234567890-{WORD[:24]}",
    f"xapp-1-{WORD}",
    f"npm_{WORD[:36]}",
    f"pypi-AgEIcHlwaS5vcmc{WORD}",
    f"hf_{WORD[:34]}",
    f"gsk_{WORD[:40]}",
    f"SG.{WORD[:22]}.{WORD}",
    f"AGE-SECRET-KEY-1{WORD.upper()}",
    JWT,
]
AROUND = ["{}", "key: {}", 'x = "{}"', "https://h/?k={}&b=1", "({})", "a\n{}\nb", '{{"k": "{}"}}', "[{}, 1]"]
AROUND += ["\\n{}\\n", "%3D{}%26", "/{} ", "/{}?a", "KEY={}", "a-{}", "--key={} x"]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:12])
def test_a_key_is_masked_wherever_it_stands(key: str, around: str) -> None:
    text = around.format(key)
    cleaned, count = Scanner().clean(text)
    assert key not in cleaned and key[4:-4] not in cleaned
    assert (cleaned, count) == (around.format(mask(key)), 1)


HIDDEN = [
    ("DB_PASSWORD=hunter2hunter", "DB_PASSWORD=…"),
    ("DB_PASSWORD=swordfish\n", "DB_PASSWORD=…\n"),
    ("export PGPASSWORD='correct-horse-battery'", "export PGPASSWORD='…'"),
    ("password: swordfish", "password: …"),
    ('"password": "s3cr3t"', '"password": "…"'),
    ('{"password":"swordfish"}', '{"password":"…"}'),
    ('{\\"password\\": \\"s3cr3t!\\"}', '{\\"password\\": \\"…\\"}'),
    ("host=db password=hunter2 dbname=x", "host=db password=… dbname=x"),
    ("Server=db;Password=hunter2;Trusted=no", "Server=db;Password=…;Trusted=no"),
    ("<password>hunter2</password>", "<password>…</password>"),
    ("mysql --password hunter2 -h db", "mysql --password … -h db"),
    ("mysql --db-password=hunter2", "mysql --db-password=…"),
    ("machine h login me password hunter2", "machine h login me password …"),
    ('"auths": {"h": {"auth": "bWU6aHVudGVyMjEyMw=="}}', '"auths": {"h": {"auth": "bWU…Mw=="}}'),
    (f"//registry.example/:_authToken={WORD}", f"//registry.example/:_authToken={mask(WORD)}"),
    ("postgres://me:hunter2@db:5432/x", "postgres://me:…@db:5432/x"),
    (f"https://{WORD}@github.com/a/b.git", f"https://{mask(WORD)}@github.com/a/b.git"),
    ("api_key = abc123def456", "api_key = …"),
    ("api_key: str = 'abc123def456789'", "api_key: str = 'abc…6789'"),
    (
        f"aws_secret_access_key = {WORD[:30]}/+{WORD[:8]}",
        f"aws_secret_access_key = {mask(WORD[:30] + '/+' + WORD[:8])}",
    ),
    (f'"SecretAccessKey": "{WORD}"', f'"SecretAccessKey": "{mask(WORD)}"'),
    (f"AKIAIOSFODNN7EXAMPLE,{WORD}", f"{mask('AKIAIOSFODNN7EXAMPLE')},{mask(WORD)}"),
    (f"AccountKey={WORD}==;EndpointSuffix=x", f"AccountKey={mask(WORD + '==')};EndpointSuffix=x"),
    (f"client_secret => {WORD}", f"client_secret => {mask(WORD)}"),
    (f"Authorization: Bearer {WORD}", f"Authorization: Bearer {mask(WORD)}"),
    ("authorization: Basic dXNlcjpwYXNzd29yZA==", "authorization: Basic dXN…ZA=="),
    (f'curl -H "X-Api-Key: {WORD}"', f'curl -H "X-Api-Key: {mask(WORD)}"'),
    (f"hooks.slack.com/services/T0/B0/{WORD[:24]}", f"hooks.slack.com/services/{mask('T0/B0/' + WORD[:24])}"),
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN, ids=lambda entry: entry[:30])
def test_what_is_set_as_a_secret_is_masked(text: str, shown: str) -> None:
    assert clean(text) == shown
    assert clean(shown) == shown


def test_a_letter_that_grows_when_it_is_made_small_moves_nothing() -> None:
    assert len("İ".lower()) == 2
    assert clean("İİİ password=hunter2 İ") == "İİİ password=… İ"


def test_a_private_key_is_gone_with_all_its_lines() -> None:
    shown = "-----BEGIN RSA PRIVATE KEY-----…-----END RSA PRIVATE KEY-----\n"
    assert clean(f"a {PEM}b {PEM}") == f"a {shown}b {shown}"
    assert clean(PEM.replace("\n", "\\n")) == shown.replace("\n", "\\n")


@pytest.mark.parametrize("end", range(45, len(PEM) - 1, 37))
def test_a_private_key_whose_end_is_cut_off_is_gone_too(end: int) -> None:
    assert WORD[:16] not in clean(PEM[:end]) or end < 50


def test_a_private_key_whose_beginning_is_cut_off_is_gone_too() -> None:
    half = PEM[120:]
    assert clean(f"prose before it\n{WORD[:20]}\n{half}") == "prose before it\n…\n-----END RSA PRIVATE KEY-----\n"
    assert clean(half.replace("\n", "\\n")).startswith("…")


def test_a_sealed_private_key_is_gone_with_what_it_says_of_itself() -> None:
    head = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"
    assert clean(head + LINES) == "-----BEGIN RSA PRIVATE KEY-----…"


KEPT = [
    hashlib.sha1(b"a").hexdigest(),
    f"commit {hashlib.sha256(b'a').hexdigest()}",
    f"id: {uuid.uuid5(uuid.NAMESPACE_DNS, 'a')}",
    f"data:image/png;base64,{base64.b64encode(bytes(range(256)) * 9).decode()}",
    "def login(token: str, password: str | None = None) -> Token:",
    "client = connect(password=password, token=token2, secret=None)",
    "password = getpass.getpass()",
    "token = os.environ['GITHUB_TOKEN']",
    "token = next_token",
    "token = get_token2(user)",
    'TOKEN="$TOKEN1"',
    "password = ${DB_PASSWORD1}",
    "password: '{{ vault_password1 }}'",
    "password = '<your-password-1>'",
    'password: "********"',
    "interface Login { password: string; token: string }",
    '{"password": {"type": "string"}, "token": {"type": "string"}}',
    '"password": "Passwort", "token": "Zeichen"',
    '<input type="password" name="pass1word">Enter',
    "max_tokens: 500, token_count=12345678, eos_token: 50256",
    '"next_page_token": "abc123def456", "pageToken": "abc123def456"',
    "secretName: my-secret-name",
    "token_url: https://h1.example/token1",
    "PWD=/root/w0rk OLDPWD=/w0rkspace",
    "password = 'raw_value', password=current_user, --password new_password",
    '<label for="password">Geheim1</b>',
    "a password>hunter2 b",
    "pwd: expected bytes, got str",
    "password_file = /etc/secret1/pass",
    "https://example.com:8080/a@b, git@github.com:a/b.git, http://user:password@host",
    "f'postgres://{user}:{password}@{host}'",
    ".sk-fading-circle-long-name { color: red }",
    'BEGIN = "-----BEGIN PRIVATE KEY-----"\nEND = "-----END PRIVATE KEY-----"\nif BEGIN in text:\n    return 1\n',
    f"-----BEGIN CERTIFICATE-----\n{LINES}\n-----END CERTIFICATE-----\n",
    f"ssh-rsa {WORD}== me@host",
    "Authorization: Bearer <token>",
    "Author: me1234567 auth: oauth2 auth=HTTPBasicAuth(user, word1)",
    "Basic arithmetic, bearer of bad news",
    "authorization = base64.decodebytes(authorization)",
    "npm_config_registry, hf_transfer, pypi-attestations-1",
]


@pytest.mark.parametrize("text", KEPT, ids=lambda text: text[:30])
def test_what_is_no_secret_stays(text: str) -> None:
    assert Scanner().clean(text) == (text, 0)


def test_a_source_file_of_ours_stays_whole() -> None:
    text = Path(a_module.__file__).read_text()
    assert clean(text) == text


def test_what_is_known_goes_wherever_it_stands() -> None:
    known = "correct-horse-battery-staple"
    assert Scanner([known]).clean(f"a{known}b {known}") == (f"a{mask(known)}b {mask(known)}", 2)
    assert clean("abcde abcde", "abcde") == "abcde abcde"


@pytest.mark.parametrize("size", range(6, 28))
def test_the_beginning_of_a_known_secret_at_the_end_goes_too(size: int) -> None:
    known = "correct-horse-battery-staple"
    assert clean(f"and {known[:size]}", known) == "and …"
    assert clean(f"and {known[:5]}", known) == f"and {known[:5]}"


def kept(text: str, most: int) -> str:
    keeping = Kept(most)
    keeping.add(text.encode())
    return keeping.whole().decode()


@pytest.mark.parametrize("size", range(6, 28))
@pytest.mark.parametrize("cutting", [kept, lambda text, most: cut(text, most // 2)], ids=["kept", "cut"])
def test_what_a_cut_in_the_middle_leaves_of_a_known_secret_goes_too(
    size: int, cutting: Callable[[str, int], str]
) -> None:
    known = "correct-horse-battery-staple"
    begun = cutting(f"aaa {known}{'z' * 100}", 2 * (4 + size))
    ended = cutting(f"{'a' * 100}{known} zzz", 2 * (4 + size))
    assert known[:size] in begun and known[-size:] in ended
    assert clean(begun, known) == begun.replace(known[:size], "…")
    assert clean(ended, known) == ended.replace(known[-size:], "…")


def test_a_known_secret_on_both_sides_of_a_cut_loses_no_more_than_itself() -> None:
    known = "correct-horse-battery-staple"
    few, gap = known[:5], "\n[... 10 bytes left out ...]\n"
    assert clean(f"{few}{gap}{few}{gap}x", known) == f"{few}{gap}{few}{gap}x"
    assert clean(f"a {known[:9]}{gap}{known[9:]} z", known) == f"a …{gap}… z"


def test_a_secret_inside_another_leaves_nothing_of_it() -> None:
    assert clean(f"password={WORD[:8]}sk-{WORD}") == "password=…"
    assert clean(f"token: {JWT}") == f"token: {mask(JWT)}"


def test_an_operators_pattern_is_masked_of_a_group_in_it_the_group() -> None:
    scanner = Scanner(patterns=[r"ACME-\d{6}", r"pin (\d{4})"])
    assert scanner.clean("ACME-123456 pin 1234 pin 12") == ("… pin … pin 12", 2)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "is no regular expression: missing )"),
        ("a*", "matches where nothing is"),
        ("", "matches where nothing is"),
    ],
)
def test_a_pattern_that_is_none_says_so(pattern: str, why: str) -> None:
    with pytest.raises(BrokenPattern, match=r"^The secret pattern '.*' ") as caught:
        Scanner(patterns=[pattern])
    assert why in str(caught.value)


HOSTILE = ["sk-", "eyJ", "eyJaaaaaaaa-", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", WORD + "\n", "token"]
HOSTILE += ["password: x[1] | x = "]
HOSTILE += ["://", "://a:", "authorization: bearer ", "SG." + "a" * 20, "AKIA" + "A" * 16 + " ", "--token ", "login a "]


@pytest.mark.parametrize("unit", [*HOSTILE, "a", '"', "\\", "password=" + "{" * 400], ids=lambda unit: unit[:20])
def test_a_megabyte_of_what_almost_is_a_secret_ends(unit: str) -> None:
    text = (unit * (2**20 // len(unit) + 1))[: 2**20]
    assert len(clean(text, "k" * 64)) <= len(text)


@given(st.text(max_size=60), st.sampled_from(KEYS), st.text(max_size=60))
def test_any_text_around_a_key_does_not_save_it(before: str, key: str, after: str) -> None:
    text = f"{before} {key} {after}"
    cleaned = clean(text)
    assert key not in cleaned
    assert clean(cleaned) == cleaned
