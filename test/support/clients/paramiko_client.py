"""A client on paramiko: PORT KEY HOSTKEY USER exec COMMAND | sftp PATH | forward HOST PORT"""
import base64
import socket
import sys

import paramiko

port, key_file, host_key_file, user, verb, *rest = sys.argv[1:]
key = paramiko.Ed25519Key.from_private_key_file(key_file)
host_key = paramiko.Ed25519Key(data=base64.b64decode(open(host_key_file).read().split()[1]))


def show(title, instructions, prompts):
    print(title, instructions, flush=True)
    return ["" for _ in prompts]


transport = paramiko.Transport(socket.create_connection(("127.0.0.1", int(port))))
transport.start_client()
assert transport.get_remote_server_key() == host_key, "another host key"
transport.auth_timeout = 60
if transport.auth_publickey(user, key):
    transport.auth_interactive(user, show)
if verb == "exec":
    channel = transport.open_session()
    channel.exec_command(rest[0])
    print(channel.makefile().read().decode(), end="")
    print("status", channel.recv_exit_status())
elif verb == "sftp":
    with paramiko.SFTPClient.from_transport(transport).open(rest[0]) as file:
        print(file.read().decode(), end="")
elif verb == "forward":
    channel = transport.open_channel("direct-tcpip", (rest[0], int(rest[1])), ("127.0.0.1", 1))
    print(channel.makefile().read().decode(), end="")
transport.close()
