/** What `flotilla pki COMMAND --help` says. */
export const PKI_HELP = {
  init: {
    summary: 'make the authority that signs all certificates',
    description:
      'Make the authority that signs the certificates of the controller and of all agents. Whoever has its key (ca.key) can be any of them.',
    examples: ['flotilla pki init', 'flotilla pki init --dir /root/flotilla-pki'],
  },
  issue: {
    summary: 'issue a first certificate: to the controller, or to an agent',
    description: 'Issue a first certificate, in a folder that is copied to its machine as it is.',
    examples: ['flotilla pki issue controller', 'flotilla pki issue agent edmonton-1 --san DNS:edmonton-1.example.org'],
  },
  'issue controller': {
    summary: 'issue a certificate to a controller',
    description:
      'Issue a certificate to a controller: in controller/, or in controllers/NAME/ for one with a name of its own.',
    examples: [
      'flotilla pki issue controller',
      'flotilla pki issue controller laptop --days 7    a second one, for a week',
    ],
  },
  'issue agent': {
    summary: 'issue a certificate to the agent of a host',
    description:
      'Issue a certificate to the agent of a host, in agents/NAME/. NAME is the name of its Host manifest; --san says under which names and addresses controllers reach it.',
    examples: [
      'flotilla pki issue agent edmonton-1 --san DNS:edmonton-1.example.org',
      'flotilla pki issue agent lyon-1 --san DNS:lyon-1.example.org IP:10.0.0.7',
    ],
  },
  renew: {
    summary: 'renew certificates, with new keys',
    description:
      'Renew certificates: new keys, the same names. Copy the folders to their machines; neither agent nor controller needs a restart. What was there before stays valid until it expires.',
    examples: ['flotilla pki renew edmonton-1', 'flotilla pki renew --all'],
  },
  revoke: {
    summary: 'revoke all certificates of a name, or one by its serial',
    description:
      'Revoke all certificates of a name, or the one with a serial number, and say which machines need the new crl.pem. Until they have it, they trust what was revoked.',
    examples: [
      'flotilla pki revoke edmonton-1',
      'flotilla pki revoke 507B9D992BEDAD2F4444E1C75FCB72DE    one certificate, as flotilla pki show lists it',
    ],
  },
  show: {
    summary: 'list certificates, and when they expire',
    description: 'List certificates with their names and serials, and when they expire.',
    examples: ['flotilla pki show', 'flotilla pki show -o json'],
  },
} as const;
