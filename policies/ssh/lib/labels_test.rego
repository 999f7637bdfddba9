package ssh.lib_test

import data.ssh.lib

route := {"target": {"labels": {"env": "prod", "empty": ""}}}

test_label if {
	lib.label("env") == "prod" with input as route
	lib.label("empty") == "" with input as route
	not lib.label("role") with input as route
	not lib.label("env") with input as {"target": {"labels": {}}}
	not lib.label("env") with input as {}
}

test_labelled if {
	lib.labelled("env", "prod") with input as route
	not lib.labelled("env", "staging") with input as route
	not lib.labelled("env", "pro") with input as route
	not lib.labelled("role", "prod") with input as route
	not lib.labelled("env", "prod") with input as {}
}
