// A client on golang.org/x/crypto/ssh: client PORT KEY HOSTKEY USER exec COMMAND | sftp | forward ADDRESS
package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/crypto/ssh"
)

func main() {
	port, keyFile, hostKeyFile, user, verb := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	signer := must(ssh.ParsePrivateKey(must(os.ReadFile(keyFile))))
	hostKey, _, _, _, err := ssh.ParseAuthorizedKey(must(os.ReadFile(hostKeyFile)))
	check(err)
	show := func(name, instruction string, questions []string, echos []bool) ([]string, error) {
		fmt.Println(name, instruction)
		return make([]string, len(questions)), nil
	}
	client := must(ssh.Dial("tcp", "127.0.0.1:"+port, &ssh.ClientConfig{
		User:            user,
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(signer), ssh.KeyboardInteractive(show)},
		HostKeyCallback: ssh.FixedHostKey(hostKey),
	}))
	defer client.Close()
	switch verb {
	case "exec":
		os.Stdout.Write(must(must(client.NewSession()).CombinedOutput(os.Args[6])))
	case "sftp":
		session := must(client.NewSession())
		in, out := must(session.StdinPipe()), must(session.StdoutPipe())
		check(session.RequestSubsystem("sftp"))
		must(in.Write([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3})) // SSH_FXP_INIT, version 3
		answer := make([]byte, 9)
		must(io.ReadFull(out, answer))
		fmt.Printf("sftp: message %d, version %d\n", answer[4], answer[8])
	case "forward":
		os.Stdout.Write(must(io.ReadAll(must(client.Dial("tcp", os.Args[6])))))
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
