// openapi_lint.mjs FILE: an OpenAPI document by the recommended rules of Redocly's linter. A line for
// each breach; warnings count, too.
import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({ extends: ["recommended"] });
const problems = await lint({ ref: process.argv[2], config });

for (const p of problems)
  console.log(`${p.location?.[0]?.pointer ?? "?"}: ${p.ruleId}: ${p.message}`);
console.log(`openapi_lint: ${problems.length} breaches`);
process.exitCode = problems.length ? 1 : 0;
