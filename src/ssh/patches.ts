import { hostCertificateAlgorithms } from './algorithms.ts'
import { hybridKex } from './hybrid-key.ts'

/**
 * What is changed in the source of ssh2, at the moment it is loaded. Each text must stand in its file exactly once: a
 * release that reads otherwise stops the start, and nothing runs half patched.
 */
export interface Patch {
  /** Below `ssh2/lib`. */
  readonly file: string
  readonly why: string
  readonly find: string
  readonly replace: string
}

export const patches: readonly Patch[] = [
  {
    file: 'protocol/crypto.js',
    why: 'OpenSSH takes and sends packets of up to 256 KiB (packet.c, PACKET_MAX_SIZE); 20 more is what some readers add',
    find: 'const MAX_PACKET_SIZE = 35000;',
    replace: 'const MAX_PACKET_SIZE = 262144 + 20;',
  },
  {
    file: 'protocol/crypto.js',
    why: 'a call of OpenSSL for the few bytes of padding of each packet is a tenth of all work; they are drawn in bulk, and used once',
    find: "createHmac, randomFillSync, timingSafeEqual\n} = require('crypto');",
    replace: `createHmac, randomFillSync: fill, timingSafeEqual
} = require('crypto');
const drawn = Buffer.allocUnsafeSlow(16384);
let used = drawn.length;
function randomFillSync(packet, start, size) {
  if (used + size > drawn.length) {
    fill(drawn);
    used = 0;
  }
  for (let i = 0; i < size; ++i, ++used) {
    packet[start + i] = drawn[used];
    drawn[used] = 0;
  }
}`,
  },
  {
    file: 'protocol/crypto.js',
    why: 'an addon that was built against the headers of Node.js 24.21 as they are ends the process (see packaging/ssh2-addon.h)',
    find: "  binding = require('./crypto/build/Release/sshcrypto.node');",
    replace: `  const addon = require.resolve('./crypto/build/Release/sshcrypto.node');
  if (require('fs').readFileSync(addon).includes('RemoveEnvironmentCleanupHook'))
    throw new Error('not safe to load');
  binding = require(addon);`,
  },
  {
    file: 'protocol/constants.js',
    why: 'a key exchange that holds against quantum computers (hybrid-key.ts)',
    find: 'const SUPPORTED_KEX = DEFAULT_KEX.concat([\n',
    replace: `const SUPPORTED_KEX = DEFAULT_KEX.concat([\n  '${hybridKex}',\n`,
  },
  {
    file: 'protocol/kex.js',
    why: 'the same: its public values are strings, never numbers; `hybridSide` is put into the exports by ssh2.ts',
    find: '  class ECDHExchange extends KeyExchange {',
    replace: `  class HybridExchange extends KeyExchange {
    constructor(...args) {
      super(...args);
      this.type = '${hybridKex}';
      this.hashName = 'sha256';
      this._side = module.exports.hybridSide(this._protocol._server);
    }
    getPublicKey() {
      return this._side.publicValue();
    }
    convertPublicKey(key) {
      return key;
    }
    computeSecret(otherPublicKey) {
      try {
        return this._side.secret(otherPublicKey);
      } catch (ex) {
        return ex;
      }
    }
  }

  class ECDHExchange extends KeyExchange {`,
  },
  {
    file: 'protocol/kex.js',
    why: 'the same',
    find: "        case 'curve25519-sha256':\n",
    replace: `        case '${hybridKex}':
          return new HybridExchange(...args);
        case 'curve25519-sha256':\n`,
  },
  {
    file: 'protocol/Protocol.js',
    why: 'its EXT_INFO lacks a comma, and names signatures that are not taken; ours is put into the exports by ssh2.ts',
    find: '        sendExtInfo(this);',
    replace: '        module.exports.sendExtInfo(this);',
  },
  {
    file: 'protocol/Protocol.js',
    why: 'to OpenSSH the first KEXINIT is an answer (first-kexinit.ts); ours is put into the exports by ssh2.ts',
    find: '        kexinit(this);\n\n        return p + 1',
    replace:
      '        module.exports.beginKeyExchange(this, header.versions.software, kexinit);\n\n        return p + 1',
  },
  {
    file: 'protocol/kex.js',
    why: 'the same: also who has nothing in common with us gets to see our lists',
    find: 'function handleKexInit(self, payload) {\n',
    replace: `function handleKexInit(self, payload) {
  if (self._kex === undefined && self._kexinit === undefined)
    kexinit(self);
`,
  },
  {
    file: 'server.js',
    why: 'who does not speak SSH is told so, as sshd tells it (kex.c, kex_exchange_identification)',
    find: '    function onClientPreHeaderError(err) {}',
    replace: `    function onClientPreHeaderError() {
      if (socket.writable)
        socket.write('Invalid SSH identification string.\\r\\n');
    }`,
  },
  {
    file: 'protocol/kex.js',
    why: 'the key of a host certificate signs under its own name (PROTOCOL.certkeys)',
    find: 'const sigType = this.negotiated.serverHostKey;',
    replace: "const sigType = this.negotiated.serverHostKey.replace('-cert-v01@openssh.com', '');",
  },
  {
    file: 'server.js',
    why: 'an RSA host key must not bring the SHA-1 signature along that the configured list leaves out',
    find: '          sha1Pos = Infinity;',
    replace: '          sha1Pos = -2;',
  },
  {
    file: 'server.js',
    why: 'the same: a position that is not there is skipped',
    find: '          if (pos === -1)\n            return;',
    replace: '          if (pos < 0)\n            return;',
  },
  {
    file: 'protocol/kex.js',
    why: 'a guess was always taken for wrong, and Dropbear waited for ever: it is right when both lists begin alike (RFC 4253, 7)',
    find: '  if (firstFollows && (!remote.kex.length || clientList[i] !== remote.kex[0])) {',
    replace: `  if (firstFollows && (clientList[0] !== serverList[0]
      || remote.serverHostKey[0] !== local.lists.serverHostKey.array[0])) {`,
  },
  {
    file: 'server.js',
    why: 'paramiko asks for the service again before each method; sshd answers each time (auth2.c, input_service_request)',
    find: '              || acceptedAuthSvc\n',
    replace: '',
  },
  {
    file: 'protocol/constants.js',
    why: 'a target may show a certificate of its host key (OpenSSH: PROTOCOL.certkeys)',
    find: "concat([\n  'ssh-dss',\n]);",
    replace: `concat([
  'ssh-dss',
  ${hostCertificateAlgorithms.map((name) => `'${name}'`).join(', ')},
]);`,
  },
  {
    file: 'protocol/kex.js',
    why: 'the certificate of an RSA key is of one type, whatever hash its signatures are negotiated with',
    find: '            if (hostPubKeyType !== this.negotiated.serverHostKey) {',
    replace: `            if (hostPubKeyType
                !== this.negotiated.serverHostKey.replace(/^rsa-sha2-(?:256|512)(?=-cert-)/, 'ssh-rsa')) {`,
  },
  {
    file: 'protocol/kex.js',
    why: 'who shows a certificate signs with the plain key in it, under the plain name',
    find: '        if (sigType !== negotiated.serverHostKey) {',
    replace: "        if (sigType !== negotiated.serverHostKey.replace('-cert-v01@openssh.com', '')) {",
  },
  {
    file: 'protocol/kex.js',
    why: 'the signature is held against the key that our own check of what was shown has found (target.ts)',
    find: `          bufferParser.init(this._hostKey, 0);
          const name = bufferParser.readString(true);
          const hostKey = this._hostKey.slice(bufferParser.pos());`,
    replace: `          const proving = this._protocol._provingKey ?? this._hostKey;
          bufferParser.init(proving, 0);
          const name = bufferParser.readString(true);
          const hostKey = proving.slice(bufferParser.pos());`,
  },
  {
    file: 'protocol/kex.js',
    why: 'the hash is that of the signature, which was held against what was negotiated',
    find: 'const verified = parsedHostKey.verify(exchangeHash, sigValue, hashAlgo);',
    replace: `const verified = parsedHostKey.verify(exchangeHash, sigValue,
          { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' }[sigType] ?? hashAlgo);`,
  },
]

export function applyPatches(file: string, source: string): string {
  let patched = source
  for (const { find, replace, why } of patches.filter((patch) => patch.file === file)) {
    if (patched.split(find).length !== 2) throw new Error(`ssh2/lib/${file} is not the one that was read: ${why}`)
    patched = patched.replace(find, () => replace)
  }
  return patched
}
