#!/usr/bin/env bash
# Makes a model that was trained here the one that zao ships, with all that is made of it: its fp8 form, goldens, pictures, page.
#
#     PYTHON=.venv/bin/python bash tools/demo-model/adopt.sh MODEL
#
# MODEL is a folder in bf16, as finish.py writes it. PYTHON has the packages of tools/goldens/requirements.txt; `npm ci` was run in
# web/. Words and numbers of documents are for people to mend: the last lines say what changed. Run it twice, and nothing changes.
set -euo pipefail

model=$(realpath "$1")
python=${PYTHON:-python3}
case $python in */*) python=$(realpath -s "$python") ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
assets=assets/demo-model
zao=target/release/zao
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

facts() { (cd $assets && find . -name '*.safetensors' -o -name '*.json' | sort | xargs sha256sum | cut -c1-16,65-) ; }
bytes() { find "$@" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }'; }
before=$(bytes $assets) && facts > "$work/before"

cargo build --release -p zao
$zao convert --to fp8 --model "$model" --output "$work/fp8" --report "$work/report.json" | tee "$work/converted"
after=$(bytes "$work/fp8")
if [ "$after" -gt 20000000 ]; then
    echo "the fp8 form has $after bytes; 20 000 000 are the most that the repository takes" >&2
    exit 1
fi
cp -r "$work/fp8/." $assets/

cargo build --release -p zao       # with the new model in it
# Matrices are so small that threads of torch would mostly wait for each other.
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} "$python" tools/goldens/make.py demo pictures edits adapters
"$python" tools/demo-model/pictures.py $zao
if [ -d web/node_modules ]; then
    (cd web && npm run build && npm run shots)
else
    echo "web/node_modules is not there: after npm ci in web/, npm run build && npm run shots takes the page's pictures" >&2
fi

facts > "$work/after"
echo "$assets: $before bytes before, $(bytes $assets) now"
diff "$work/before" "$work/after" || true
git --no-pager diff --stat -- $assets crates docs web
cat <<'NEXT'
Left for you: assets/demo-model/README.md (numbers of tools/demo-model/examine.py), and the tests:
    cargo test --release -p zao-weights -p zao-model -p zao-engine -p zao
NEXT
