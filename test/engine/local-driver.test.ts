import { buildHostConfig } from '../../src/agent/host.js';
import { createLocalDriver } from '../../src/agent-client/local-driver.js';
import { tenantDriverContract } from '../contract/tenant-driver.contract.js';

tenantDriverContract('LocalDriver', (host) => {
  if (host.kind !== 'local') throw new Error(`${host.name} is not local`);
  return createLocalDriver(buildHostConfig(host.root, process.env));
});
