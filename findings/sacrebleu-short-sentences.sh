#!/usr/bin/env bash
# sacrebleu: a corpus of perfect three-word translations scores 0, each of its sentences 100.
# Guess, before the run: 100 both times, since every n-gram there is was matched.
# Seen (sacrebleu 2.6.0): corpus BLEU wants 4-grams and finds none; sentence BLEU takes the effective order by default.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet sacrebleu==2.6.0
cd "$room"
"$room/venv/bin/python" - <<'PY'
import sacrebleu

right = ["the cat sat", "a dog ran", "we saw it"]
corpus = sacrebleu.corpus_bleu(right, [right]).score
each = [sacrebleu.sentence_bleu(line, [line]).score for line in right]
print("sacrebleu", sacrebleu.__version__, "corpus:", corpus, "sentences:", [round(x, 4) for x in each])
assert corpus == 0 and all(abs(x - 100) < 1e-6 for x in each)
PY
