// Read before ssh2's addon when it is compiled (see bin/setup). In the headers of Node.js 24.21 (and of 26.4) the destructor of
// `node::ObjectWrap` asks for the environment, and the whole process is aborted when the garbage collector calls it from
// where there is none (nodejs/node, src/api/hooks.cc: `(env) != nullptr`). Without these two calls it is what it was before.
#include <node.h>
#define AddEnvironmentCleanupHook(...) ((void)0)
#define RemoveEnvironmentCleanupHook(...) ((void)0)
#include <node_object_wrap.h>
#undef AddEnvironmentCleanupHook
#undef RemoveEnvironmentCleanupHook
