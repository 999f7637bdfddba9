# What the tests of package ssh share: a whole input, of which a row changes one thing.
package ssh_test

# A Monday; 12:00 in Berlin.
noon := 1763982000000000000

asked := {
	"version": "ssh/v1",
	"identity": {
		"subject": "0a1b2c3d",
		"issuer": "https://idp.example.com",
		"username": "alice",
		"email": "alice@example.com",
		"email_verified": true,
		"groups": [],
		"amr": ["pwd"],
		"auth_time": 1763981400,
		"expires_at": 1764010800,
		"claims": {},
		"kind": "person",
		"login": {"at": 1763981400, "flow": "device", "ssh_source_ip": "203.0.113.9"},
	},
	"key": {"type": "ssh-ed25519", "fingerprint": "SHA256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "hardware": false},
	"connection": {
		"id": "c1",
		"source": {"ip": "203.0.113.9", "port": 50122},
		"gateway": "eu-1",
		"client_version": "SSH-2.0-OpenSSH_10.2",
		"kex": "mlkem768x25519-sha256",
		"jump": false,
	},
	"target": {
		"route": "db1",
		"login": "postgres",
		"host": "10.0.3.7",
		"port": 22,
		"principals": "login",
		"labels": {},
	},
	"request": {"approvals": []},
	"usage": {"sessions": 0},
	"facts": {},
}

# What policies/data/access/data.json may say.
settings := {
	"logins": ["deploy", "app"],
	"forwards": [],
	"office": {
		"zone": "Europe/Berlin",
		"days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
		"from": 8,
		"to": 18,
	},
	"networks": [],
	"freeze": [],
}

# Changes to it, as rows write them (RFC 6902).
stranger := {"op": "remove", "path": "/identity"}

set_to(path, value) := {"op": "add", "path": path, "value": value}

without(path) := {"op": "remove", "path": path}

grouped(groups) := set_to("/identity/groups", groups)

labelled(labels) := set_to("/target/labels", labels)

as_login(login) := set_to("/target/login", login)

codes(decision) := [reason.code | some reason in decision.reasons]
