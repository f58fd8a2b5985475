"""The servers and the network guard that all other tests rest on."""

import socket

import psycopg
import pytest
import redis

from tests.network import NetworkBlocked
from tests.servers import PostgresServer, ValkeyServer


def test_valkey_keeps_its_data_over_a_kill(own_valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(own_valkey.url()) as client:
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 5000)
    own_valkey.kill()
    own_valkey.start()
    with redis.Redis.from_url(own_valkey.url()) as client:
        assert client.get("kept") == b"yes"


def test_valkey_url_is_empty_each_time(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


test_valkey_url_is_empty_again = test_valkey_url_is_empty_each_time


def test_postgres_keeps_its_data_over_a_kill(own_postgres: PostgresServer) -> None:
    with psycopg.connect(own_postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id integer)")
    own_postgres.kill()
    own_postgres.start()
    with psycopg.connect(own_postgres.url()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_network_is_closed_beyond_this_machine() -> None:
    with pytest.raises(NetworkBlocked, match=r"example\.com"):
        socket.getaddrinfo("example.com", 443)
    with socket.socket() as outward, pytest.raises(NetworkBlocked, match=r"192\.0\.2\.1"):
        outward.connect(("192.0.2.1", 80))


def test_names_that_never_resolve_fail_as_they_do_elsewhere() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 80)
