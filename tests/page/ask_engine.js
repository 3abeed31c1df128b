// Answers questions to the engine of a page under Node: the page's path and the questions come as JSON.
const fs = require("fs");
const vm = require("vm");

const { page, questions } = JSON.parse(fs.readFileSync(0, "utf8"));
const html = fs.readFileSync(page, "utf8");
const block = (id) => html.match(new RegExp(`<script type="[a-z/]+" id="${id}">([^<]*)</script>`))[1];
for (const [, code] of html.matchAll(/<script class="engine">([^]*?)<\/script>/g)) vm.runInThisContext(code);

async function main() {
  const data = JSON.parse(block("data"));
  const engine = vm.runInThisContext("(data) => new Engine(data)")(data);
  const differences = {};
  for (const { name } of data.models) differences[name] = await engine.load(name, block(`weights-${name}`));
  const answers = questions.map(({ route, body }) => {
    if (route === "encode") return body.texts.map((text) => engine.tokenizer(body.model).encode(text));
    if (route === "scores") {
      const about = engine.about.get(body.model);
      const ids = body.texts.map((text) => engine.tokenizer(body.model).encode(text).map((token) => token.id));
      return [...engine.models.get(body.model).classScores(...engine.packed(about, ids))];
    }
    if (route === "logits") {
      const model = engine.models.get(body.model);
      return [...model.logits(model.states(body.ids))];
    }
    return engine[route](body);
  });
  const plain = (key, value) => (value instanceof Float32Array ? [...value] : value);
  process.stdout.write(JSON.stringify({ differences, answers }, plain));
}

main();
