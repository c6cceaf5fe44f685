import { tenantDriverContract } from '../contract/tenant-driver.contract.js';
import { startAgent } from '../support/remote.js';

tenantDriverContract('RemoteDriver', async (host) => {
  if (host.kind !== 'local') throw new Error(`${host.name} is not local`);
  const agent = await startAgent(host.root);
  const driver = agent.connect();
  return {
    ...driver,
    close: async () => {
      await driver.close();
      await agent.close();
    },
  };
});
