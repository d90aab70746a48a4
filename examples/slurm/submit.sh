#!/bin/bash
# submit.sh TASKS PROCESSES FLAGS...
#
# Cuts the queries into shards, submits an array of TASKS tasks that run them,
# PROCESSES of them at once, and a job that merges them when all are done. FLAGS are
# those of api_calling_evaluation, for all of it: --config, --work, --shard_size,
# --workers, --budget ... The program is the one in PATH, or that of LLMROUTER; the
# folders and files must be the same on all nodes. Partition, time and the like come
# from sbatch's own variables (SBATCH_PARTITION, SBATCH_TIMELIMIT ...).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tasks=$1 processes=$2
shift 2

"${LLMROUTER:-api_calling_evaluation}" "$@" --split
array=$(sbatch --parsable --array="0-$((tasks - 1))%$processes" "$here/shards.sbatch" "$@" --processes "$processes")
merge=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes "$here/merge.sbatch" "$@")
echo "array $array, merge $merge"
