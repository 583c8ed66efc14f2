// By `countersign init --agent opencode`: asks Countersign before a tool runs, and tells it what has been done.
import { spawnSync } from "node:child_process"

const TIMEOUT = 15000

function hook(payload) {
  const run = spawnSync("countersign", ["hook", "opencode"], {
    input: JSON.stringify(payload),
    encoding: "utf8",
    timeout: TIMEOUT,
  })
  if (run.error || run.status === null) {
    throw new Error("Countersign could not be asked, so this does not go on: " + (run.error?.message ?? "it was stopped"))
  }
  return run.stdout.trim() === "" ? null : JSON.parse(run.stdout)
}

export const Countersign = async ({ client, directory }) => {
  const models = new Map()
  const arguments_ = new Map()
  return {
    event: async ({ event }) => {
      if (event.type !== "session.created") return
      const said = hook({ hook: "session.created", sessionID: event.properties?.info?.id, directory })
      if (said) await client.app.log({ body: { service: "countersign", level: "warn", message: said.message } })
    },
    "chat.params": async ({ sessionID, model }) => {
      if (model?.id) models.set(sessionID, `${model.providerID}/${model.id}`)
    },
    "tool.execute.before": async ({ tool, sessionID, callID }, { args }) => {
      arguments_.set(callID, args)
      const said = hook({ hook: "tool.execute.before", tool, sessionID, callID, args, directory, model: models.get(sessionID) })
      if (said?.verdict === "deny") throw new Error(said.message)
      if (said) await client.app.log({ body: { service: "countersign", level: "warn", message: said.message } })
    },
    "tool.execute.after": async ({ tool, sessionID, callID }) => {
      const args = arguments_.get(callID)
      arguments_.delete(callID)
      hook({ hook: "tool.execute.after", tool, sessionID, callID, args, directory, model: models.get(sessionID) })
    },
  }
}
