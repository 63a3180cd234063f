"""A client that closes after the handshake without a word: PROXY_PORT HOST CA_FILE."""
import socket
import ssl
import sys

port, host, ca_file = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(port)), 30) as tunnel:
    tunnel.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += tunnel.recv(1024)
    with ssl.create_default_context(cafile=ca_file).wrap_socket(tunnel, server_hostname=host):
        pass
