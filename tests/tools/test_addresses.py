"""Which addresses may be asked: by their text, by the operator's list, and by where in the network they are."""

from __future__ import annotations

import pytest

from litellm_codex_agent.tools.addresses import NotAnOrigin, Origin, allowed, fault, read, read_origin
from litellm_codex_agent.tools.source import ToolsUnavailable


def refused(url: str, origins: list[str], **options: bool) -> tuple[str, int]:
    with pytest.raises(ToolsUnavailable) as caught:
        read(url, origins, **options)
    return str(caught.value), caught.value.status


@pytest.mark.parametrize(
    ("url", "plain", "origin"),
    [
        ("https://tools.example", "https://tools.example", Origin("https", "tools.example", 443)),
        ("HTTPS://Tools.Example.:443/a//", "https://tools.example/a", Origin("https", "tools.example", 443)),
        ("http://tools.example:443/", "http://tools.example:443", Origin("http", "tools.example", 443)),
        (" http://10.1.2.3:9000/v1/ ", "http://10.1.2.3:9000/v1", Origin("http", "10.1.2.3", 9000)),
        ("http://[0::1]:80/x", "http://[::1]/x", Origin("http", "::1", 80)),
        ("http://under_score.example", "http://under_score.example", Origin("http", "under_score.example", 80)),
        ("http://a/%7Eme/;v=1", "http://a/%7Eme/;v=1", Origin("http", "a", 80)),
    ],
)
def test_an_address_is_read_into_one_form(url: str, plain: str, origin: Origin) -> None:
    address = read(url, ["*"])
    assert (address.url, address.origin, address.listed) == (plain, origin, False)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no URL"),
        ("tools.example", "http://"),
        ("ftp://tools.example", "http://"),
        ("file:///etc/passwd", "http://"),
        ("//tools.example", "http://"),
        ("http://user@tools.example", "password"),
        ("http://user:word@tools.example", "password"),
        ("http://@tools.example", "password"),
        ("http://tools.example#x", "fragment"),
        ("http://tools.example/#", "fragment"),
        ("http://tools.example?x=1", "query"),
        ("http://", "host"),
        ("http:///tools", "host"),
        ("http://tools.example:0", "port"),
        ("http://tools.example:65536", "port"),
        ("http://tools.example:x", "port"),
        ("http://[::1", "host"),
        ("http://[::g]", "host"),
        ("http://[fe80::1%25eth0]", "host"),
        ("http://-tools.example", "host"),
        ("http://tools.example\\@evil.example", "no URL"),
        ("http://tools.example /x", "no URL"),
        ("http://tools.example\n", "host"),
        ("http://tools\t.example", "no URL"),
        ("http://tööls.example", "no URL"),
        ("http://" + "a" * 2048, "no URL"),
    ],
)
def test_an_address_that_two_readers_could_read_differently_is_refused(url: str, words: str) -> None:
    if url.endswith("\n"):  # what stands around it is no part of it
        assert read(url, ["*"]).url == "http://tools.example"
        return
    sentence, status = refused(url, ["*"])
    assert words in sentence and status == 400


def test_the_longest_address_is_read_and_a_longer_one_is_refused() -> None:
    longest = "http://a/".ljust(2048, "x")
    assert read(longest, ["*"]).url == longest
    assert refused(longest + "x", ["*"])[1] == 400


def test_only_a_base_has_no_query_and_loses_its_last_slash() -> None:
    assert read("http://a/mcp/?key=1", ["*"], base=False).url == "http://a/mcp/?key=1"
    assert read("http://a", ["*"], base=False).url == "http://a"


@pytest.mark.parametrize(
    "listed", ["http://tools.example", "http://tools.example:80", "HTTP://TOOLS.example/", " http://tools.example "]
)
def test_an_origin_is_allowed_by_the_list_however_it_is_written(listed: str) -> None:
    assert read("http://tools.example/v1", ["https://else.example", listed]).listed
    assert read("http://tools.example/v1", ["*", listed]).listed


@pytest.mark.parametrize(
    "origins",
    [[], [""], ["https://tools.example"], ["http://tools.example:81"], ["http://example"], ["http://a.tools.example"]],
)
def test_an_origin_that_is_not_listed_is_refused_and_says_where_to_list_it(origins: list[str]) -> None:
    sentence, status = refused("http://tools.example", origins)
    assert "CODEX_AGENT_TOOL_ORIGINS" in sentence and "http://tools.example" in sentence and status == 400


@pytest.mark.parametrize(
    "entry", ["tools.example", "http://tools.example/v1", "http://x?y", "http://u@x", "http://", "**"]
)
def test_an_entry_that_is_no_origin_is_the_operators_fault(entry: str) -> None:
    with pytest.raises(NotAnOrigin, match="is not an origin"):
        read_origin(entry)
    sentence, status = refused("http://tools.example", ["*", entry])
    assert "CODEX_AGENT_TOOL_ORIGINS" in sentence and status == 500


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("0.0.0.0", "this network's own"),
        ("10.255.255.255", "private"),
        ("100.64.0.1", "a carrier's own"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("169.254.169.254", "link-local"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.8", "reserved"),
        ("192.0.2.1", "for documentation"),
        ("192.88.99.1", "reserved"),
        ("192.168.1.1", "private"),
        ("198.19.255.255", "for benchmarks"),
        ("198.51.100.1", "for documentation"),
        ("203.0.113.1", "for documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("168.63.129.16", "a cloud's own"),
        ("::", "reserved"),
        ("::1", "loopback"),
        ("::7f00:1", "reserved"),
        ("::ffff:127.0.0.1", "an IPv4 address in disguise"),
        ("::ffff:8.8.8.8", "an IPv4 address in disguise"),
        ("64:ff9b::7f00:1", "an IPv4 address in disguise"),
        ("2002:7f00:1::", "an IPv4 address in disguise"),
        ("2001::1", "reserved"),
        ("2001:db8::1", "for documentation"),
        ("3fff::1", "for documentation"),
        ("fc00::1", "private"),
        ("fd00:ec2::254", "private"),
        ("fe80::1%eth0", "link-local"),
        ("ff02::1", "multicast"),
        ("4000::1", "reserved"),
        ("localhost", "no network address"),
        ("", "no network address"),
    ],
)
def test_what_is_not_public_says_what_it_is(address: str, what: str) -> None:
    assert fault(address) == what


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "168.63.129.15",
        "168.63.129.17",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "2003::1",
    ],
)
def test_what_is_public_has_no_fault(address: str) -> None:
    assert fault(address) == ""


def test_of_a_hosts_addresses_only_the_public_ones_are_asked() -> None:
    address = read("http://tools.example", ["*"])
    assert allowed(address, ["127.0.0.1", "1.1.1.1", "::1", "2606:4700::1"]) == ("1.1.1.1", "2606:4700::1")


@pytest.mark.parametrize("found", [["127.0.0.1"], ["10.0.0.1", "fe80::1"]])
def test_consent_to_any_origin_is_none_to_a_private_network(found: list[str]) -> None:
    with pytest.raises(ToolsUnavailable, match="CODEX_AGENT_TOOL_ORIGINS") as caught:
        allowed(read("http://tools.example", ["*"]), found)
    assert caught.value.status == 400 and found[0] in str(caught.value)


def test_a_listed_origin_may_be_private() -> None:
    address = read("http://tools.example", ["*", "http://tools.example"])
    assert allowed(address, ["10.0.0.1", "1.1.1.1"]) == ("10.0.0.1", "1.1.1.1")


def test_a_host_without_an_address_is_not_the_callers_fault() -> None:
    with pytest.raises(ToolsUnavailable, match=r"tools\.example") as caught:
        allowed(read("http://tools.example", ["*"]), [])
    assert caught.value.status == 502


def test_an_address_may_be_as_long_as_any_and_no_longer() -> None:
    longest = "https://tools.example/" + "a" * (2048 - 22)
    assert read(longest, ["*"]).url == longest
    with pytest.raises(ToolsUnavailable, match="too long"):
        read(f"{longest}a", ["*"])


def test_only_slashes_are_taken_off_the_end() -> None:
    assert read("https://tools.example/~", ["*"]).url == "https://tools.example/~"
    with pytest.raises(NotAnOrigin):
        read_origin("https://tools.example~")


def test_whoever_is_refused_is_told_the_variable() -> None:
    with pytest.raises(ToolsUnavailable, match=r"it is not in CODEX_AGENT_TOOL_ORIGINS \(--tool-origins\)\.$"):
        read("https://tools.example", [])
