#!/bin/bash
# Pre-training on 8 nodes of 8 GPUs: sbatch examples/slurm.sh
# All nodes must see the disk of the run directory. Submit the job again to resume from the newest checkpoint.
# Slurm sends SIGTERM two minutes before the time is over; twinlm then saves and exits with code 75.
#SBATCH --job-name=twinlm
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue

set -euo pipefail
first_node=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

srun torchrun \
  --nnodes="$SLURM_NNODES" --nproc-per-node=8 \
  --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$first_node:29500" \
  -m twinlm pretrain gpt my.toml --out /shared/runs/my
