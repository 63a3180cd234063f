// mcp.mjs BINARY HOME: the official SDK's client talks to `halton-meter mcp`. Prints one JSON line a
// check.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

const [binary, home] = process.argv.slice(2)
const report = (what, problem) => console.log(JSON.stringify({ what, problem: problem || '' }))

async function connect(...flags) {
  const transport = new StdioClientTransport({
    command: binary,
    args: ['mcp', ...flags],
    env: { HALTON_METER_HOME: home, HOME: home, PATH: process.env.PATH },
  })
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(transport)
  return client
}

const client = await connect()
report('initialize', client.getServerVersion().name === 'halton-meter' ? '' : 'another server')
const tools = (await client.listTools()).tools
report('tools/list', tools.map((t) => t.name).join(' ') === 'usage budget limits explain' ? '' : JSON.stringify(tools))

const call = async (name, args = {}) => {
  const result = await client.callTool({ name, arguments: args })
  if (result.isError) throw new Error(result.content[0].text)
  const fromText = JSON.parse(result.content[0].text)
  if (JSON.stringify(fromText) !== JSON.stringify(result.structuredContent)) throw new Error('text and structure differ')
  return result.structuredContent
}
const check = async (what, run) => {
  try {
    report(what, await run())
  } catch (error) {
    report(what, String(error))
  }
}

await check('usage', async () => {
  const usage = await call('usage', { since: '52w', group_by: 'project' })
  if (usage.total.requests === 0 || usage.groups.length !== 4) return JSON.stringify(usage)
  if (usage.groups.some((g) => !/^project-[0-9a-f]{10}$/.test(g.name))) return 'a project has its name'
  const nano = (text) => BigInt(text.replace('.', ''))
  const sum = usage.groups.reduce((total, g) => total + nano(g.cost_usd), 0n)
  return sum === nano(usage.total.cost_usd) ? '' : `${sum} is not ${usage.total.cost_usd}`
})
await check('limits', async () => {
  const { limits } = await call('limits')
  return limits.length === 2 && limits[0].used_fraction > 0 ? '' : JSON.stringify(limits)
})
await check('budget', async () => {
  const budget = await call('budget')
  return Array.isArray(budget.budgets) && 'spent_usd' in budget.this_month ? '' : JSON.stringify(budget)
})
await check('explain', async () => {
  const explained = await call('explain', { call: 'last' })
  return /^project-/.test(explained.project) && explained.reason ? '' : JSON.stringify(explained)
})
await check('what makes no sense is said to the model', async () => {
  const result = await client.callTool({ name: 'usage', arguments: { since: 'soon' } })
  return result.isError && result.content[0].text.includes('since') ? '' : JSON.stringify(result)
})
await client.close()

const named = await connect('--project-names')
const usage = (await named.callTool({ name: 'usage', arguments: { since: '52w', group_by: 'project' } })).structuredContent
report('names where they are allowed', usage.groups.some((g) => g.name === 'shop') ? '' : JSON.stringify(usage.groups))
await named.close()
process.exit(0)
