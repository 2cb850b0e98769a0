#!/usr/bin/env bash
# A run as platforms script it: partitions joined by named pipes, every report of three perspectives.
#
#     workflow.sh PROCESSES SAMPLES
#
# The model is the working folder's: input/, input/RI_1/ (what reinsures the insured losses) and static/. Reports go to results/,
# the tables of single processes to tables/, summary streams to work/. When anything fails, all that still runs is ended,
# log/failed appears, and the exit status is not 0.
set -euE -o pipefail
set -m                                  # every job is a process group of its own, so it can be ended as a whole

processes=$1 samples=$2
perspectives=(gul il ri)
pids=() stages=0

# From here on the main shell takes no signal: jobs that fail together send it several, and one that came while it leaves would
# make it leave at once, and its jobs behind.
deaf() { trap '' HUP INT TERM; }

failed() {                              # also in the shell of a job: the main one may be waiting for another
    touch log/failed
    if ((BASHPID != $$)); then kill -TERM $$; else deaf; fi
}

leave() {
    local status=$?
    if ((status)); then
        trap - ERR
        touch log/failed
        for job in $(jobs -p); do kill -TERM -- "-$job" 2> /dev/null || true; done
        wait
    fi
    exit $status
}

start() {                               # STAGES JOB...: a job in the background, and how many of its stages keep a log
    stages=$((stages + $1))
    "${@:2}" &
    pids+=($!)
}

wait_for_all() {
    for pid in "${pids[@]}"; do wait "$pid"; done
    pids=()
}

# Jobs. They are functions, so that a shell is there to see them fail. $1: the process, $2: the perspective

losses() {
    eve "$1" "$processes" | getmodel | gulcalc -S"$samples" -a1 -i - | tee "fifo/gul_P$1" |
        fmcalc -a2 | tee "fifo/il_P$1" | fmcalc -a2 -n -p input/RI_1 > "fifo/ri_P$1"
}

summaries() {
    local kind=(-i)
    case $2 in
        il) kind=(-f) ;;
        ri) kind=(-f -p input/RI_1) ;;
    esac
    summarycalc -m "${kind[@]}" -2 "fifo/$2_summary_P$1" < "fifo/$2_P$1"
}

copies() { tee < "fifo/$2_summary_P$1" "fifo/$2_"{elt,moments,plt,periods,samples}"_P$1" "work/$2/P$1.bin" > /dev/null; }
index() { cat < "fifo/$2_summary_P$1.idx" > "work/$2/P$1.idx"; }

# Only the first process writes header lines. $3: what leaves them out
elt() { eltcalc $3 < "fifo/$2_elt_P$1" > "tables/$2_elt_P$1"; }
moments() { eltcalc $3 -M "tables/$2_melt_P$1" -Q "tables/$2_qelt_P$1" < "fifo/$2_moments_P$1"; }
plt() { pltcalc $3 < "fifo/$2_plt_P$1" > "tables/$2_plt_P$1"; }
periods() { pltcalc $3 -M "tables/$2_mplt_P$1" -Q "tables/$2_qplt_P$1" -S "tables/$2_splt_P$1" < "fifo/$2_periods_P$1"; }
samples() { summarycalctocsv $3 -o < "fifo/$2_samples_P$1" > "tables/$2_selt_P$1"; }

# Of all processes. $1: the perspective. One tool after the other, since ktools' leave files in the folder that they read
analyses() {
    local to=results/$1 r
    for r in "" -r; do
        leccalc -K "$1" $r -F "${to}_aep_full$r" -W "${to}_aep_wheatsheaf$r" -S "${to}_aep_means$r" -M "${to}_aep_mean$r" \
            -f "${to}_oep_full$r" -w "${to}_oep_wheatsheaf$r" -s "${to}_oep_means$r" -m "${to}_oep_mean$r"
        ordleccalc -K "$1" $r -F -W -S -M -f -w -s -m -O "${to}_ept$r" -o "${to}_psept$r"
    done
    aalcalc -K "$1" > "${to}_aal"
    aalcalc -K "$1" -o -c "${to}_alct" > "${to}_alt"
    aalcalcmeanonly -K "$1" > "${to}_aal_mean"
    aalcalcmeanonly -K "$1" -o > "${to}_alt_mean"
}

join() {
    local table files
    for table in elt melt qelt plt mplt qplt splt selt; do
        files=()
        for ((p = 1; p <= processes; p++)); do files+=("tables/$1_${table}_P$p"); done
        kat "${files[@]}" > "results/$1_$table"
    done
}

rm -rf log fifo tables work results
mkdir log fifo tables work results
trap failed ERR
trap 'deaf; exit 1' HUP INT TERM
trap leave EXIT

for ((p = 1; p <= processes; p++)); do
    no_header=("" "")
    if ((p > 1)); then no_header=(-s -H); fi
    for of in "${perspectives[@]}"; do
        mkdir -p "work/$of"
        : > "work/$of/P$p.bin"          # in this order in their folder: sums of floats follow it
        mkfifo "fifo/${of}_"{summary,elt,moments,plt,periods,samples}"_P$p" "fifo/${of}_P$p" "fifo/${of}_summary_P$p.idx"
        start 1 elt $p "$of" "${no_header[0]}"
        start 1 moments $p "$of" "${no_header[0]}"
        start 0 plt $p "$of" "${no_header[1]}"
        start 0 periods $p "$of" "${no_header[1]}"
        start 0 samples $p "$of" "${no_header[0]}"
        start 0 copies $p "$of"
        start 0 index $p "$of"
        start 1 summaries $p "$of"
    done
    start 5 losses $p
done
wait_for_all
for of in "${perspectives[@]}"; do
    start 8 analyses "$of"
    start 0 join "$of"
done
wait_for_all

finished=$(cat log/*_*.log | grep -c finish)
if ((finished != stages)); then
    echo "workflow.sh: error: log: $finished of $stages stages have finished" >&2
    exit 1
fi
