# Shared by packaging/quickstart and packaging/check: sourced, from the root of the project.
jobs=${HALTON_JOBS:-$(getconf _NPROCESSORS_ONLN)}

# configure <folder> <pkg-config path> [meson options]: makes a build folder, or brings the one
# that is there up to date when the libraries have moved. Meson itself re-reads meson.build.
configure() {
    local folder=$1 path=$2
    shift 2
    local settings="$path $*"
    if [ ! -f "$folder/build.ninja" ]; then
        rm -rf "$folder"
        meson setup "$folder" --pkg-config-path "$path" "$@" >"$folder.log" 2>&1 ||
            { tail -n 20 "$folder.log" >&2; rm -f "$folder.log"; return 1; }
        rm -f "$folder.log"
    elif [ "$(cat "$folder/.settings" 2>/dev/null)" != "$settings" ]; then
        meson setup --wipe "$folder" --pkg-config-path "$path" "$@" >/dev/null || return 1
    fi
    printf '%s' "$settings" >"$folder/.settings"
}

# compile <folder> [targets]: quiet when all is well.
compile() {
    local folder=$1 log
    shift
    log=$folder/compile.log
    # Empty: npm's packages could not be had the last time. Maybe now.
    [ -s "$folder/dashboard.pack" ] || rm -f "$folder/dashboard.pack"
    ninja -C "$folder" -j "$jobs" "$@" >"$log" 2>&1 || { grep -v '^\[' "$log" | tail -n 60 >&2; return 1; }
}
