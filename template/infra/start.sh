#!/bin/sh
# The first process of every container: secrets come from files, and a job gets a folder that it can write.
set -eu

# A secret is a file named after its variable, here or in the folder SECRETS.
for file in "${SECRETS:-/run/secrets}"/*; do
  [ -f "$file" ] || continue
  name=${file##*/}
  case $name in
    [!A-Z_]* | *[!A-Z0-9_]*) continue ;;
  esac
  if [ ! -r "$file" ]; then
    echo "error: the secret $file cannot be read by user $(id -u); give it mode 0444 in a folder of mode 0700." >&2
    exit 3
  fi
  # Without the line end that editors add.
  export "$name=$(cat "$file")"
done

if [ -d /app ]; then
  # Made here, so that it is this user's: git refuses a folder of somebody else.
  project=$PWD/project
  if ! { mkdir -p "$project/data" "$project/.dvc" && [ -w "$project" ] && : >> "$project.lock"; } 2> /dev/null; then
    echo "error: user $(id -u) cannot write in $PWD, or it is another user's; mount a volume of its own there." >&2
    exit 3
  fi
  # One job at a time in one folder; the lock is held until the job ends.
  exec 9>> "$project.lock"
  flock --nonblock 9 || {
    echo "waiting    another job works in $project" >&2
    flock 9
  }
  cd /app
  # Code and settings are the image's; what earlier jobs recorded and made stays.
  for item in * .[!.]*; do
    case $item in
      data | dvc.lock | .dvc) continue ;;
    esac
    [ -e "$item" ] || continue
    rm -rf "${project:?}/$item"
    cp -R "$item" "$project/$item"
  done
  cp .dvc/config "$project/.dvc/config"
  for record in dvc.lock data/*.json; do
    if [ -e "$record" ] && [ ! -e "$project/$record" ]; then
      cp "$record" "$project/$record"
    fi
  done
  cd "$project"
fi

exec "$@"
