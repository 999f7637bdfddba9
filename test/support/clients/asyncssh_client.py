"""A client on asyncssh: PORT KEY HOSTKEY USER exec COMMAND | sftp PATH | forward HOST PORT"""
import asyncio
import sys

import asyncssh

port, key_file, host_key_file, user, verb, *rest = sys.argv[1:]


class Client(asyncssh.SSHClient):
    def kbdint_auth_requested(self):
        return ""

    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        print(name, instructions, flush=True)
        return ["" for _ in prompts]


async def main():
    known = ([asyncssh.read_public_key(host_key_file)], [], [])
    async with asyncssh.connect(
        "127.0.0.1",
        int(port),
        username=user,
        client_keys=[key_file],
        known_hosts=known,
        agent_path=None,
        config=None,
        client_factory=Client,
    ) as connection:
        if verb == "exec":
            done = await connection.run(rest[0])
            print(done.stdout, end="")
            print("status", done.exit_status)
        elif verb == "sftp":
            async with connection.start_sftp_client() as sftp, sftp.open(rest[0]) as file:
                print(await file.read(), end="")
        elif verb == "forward":
            reader, _writer = await connection.open_connection(rest[0], int(rest[1]))
            print((await reader.read()).decode(), end="")


asyncio.run(main())
