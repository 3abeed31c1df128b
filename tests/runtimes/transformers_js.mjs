// What transformers.js says to some texts, as JSON; arguments: its module, the folder of the models, the texts as JSON.
const [module, models, given] = process.argv.slice(2);
const { AutoTokenizer, env, pipeline } = await import(module);
env.allowRemoteModels = false;
env.localModelPath = models;
const { prompts, masked, texts } = JSON.parse(given);
const options = { dtype: "fp32" };
const tokenizer = await AutoTokenizer.from_pretrained("gpt");
const write = await pipeline("text-generation", "gpt", options);
const fill = await pipeline("fill-mask", "bert", options);
const embed = await pipeline("feature-extraction", "bert", options);
const said = { ids: [], written: [], guesses: [], vectors: [] };
for (const prompt of prompts) {
  said.ids.push(tokenizer.encode(prompt));
  said.written.push((await write(prompt, { max_new_tokens: 8, do_sample: false }))[0].generated_text);
}
for (const text of masked) {
  said.guesses.push((await fill(text, { top_k: 3 })).map(({ score, token }) => [token, score]));
}
for (const text of texts) {
  said.vectors.push(Array.from((await embed(text, { pooling: "mean" })).data));
}
console.log(JSON.stringify(said));
