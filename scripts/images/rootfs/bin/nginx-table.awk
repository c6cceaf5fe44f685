# nginx configuration on stdin to lines `exact|prefix PATH proxy URL` and `exact|prefix PATH return CODE TEXT`, longest path
# first. Exits 1 if a brace is missing.
{ sub(/#.*/, ""); text = text " " $0 }
END {
  gsub(/[{};]/, " & ", text)
  n = split(text, word, /[ \t\r]+/)
  for (i = 1; i <= n; i++) {
    if (word[i] == "{") depth++
    if (word[i] == "}" && --depth < 0) exit 1
    if (word[i] == "location") {
      kind = word[i + 1] == "=" ? "exact" : "prefix"
      path = word[i + 1] == "=" ? word[i + 2] : word[i + 1]
    }
    if (word[i] == "proxy_pass") add("proxy " word[i + 1])
    if (word[i] == "return" && path != "") {
      reply = ""
      for (j = i + 1; j <= n && word[j] != ";"; j++) reply = reply " " word[j]
      add("return" reply)
    }
  }
  if (depth != 0) exit 1
  for (length_ = 200; length_ > 0; length_--)
    for (k = 1; k <= count; k++) if (length(paths[k]) == length_) print lines[k]
}
function add(action) { count++; paths[count] = path; lines[count] = kind " " path " " action }
