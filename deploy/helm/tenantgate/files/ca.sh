umask 077
mkdir -p "$TO"
chmod 0700 "$TO"
for f in ca.key ca.crt; do
  cp "$FROM/$f" "$TO/.$f"
  chmod 0600 "$TO/.$f"
  mv "$TO/.$f" "$TO/$f"
done
