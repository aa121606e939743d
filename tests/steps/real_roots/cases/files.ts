import type { RootCase } from "../root_case.ts";

/** Cases of files and folders. */
export const FILES: readonly RootCase[] = [
  {
    name: "file.Installed writes files with owner, mode and missing folders",
    prepare: "echo same >/etc/piri-same; echo old >/etc/piri-old",
    steps: [
      {
        operation: "file.Installed",
        params: {
          path: "/srv/piri/a/b.conf",
          content: "Ünïcode\n",
          parents: true,
          user: "www-data",
          group: "games",
          mode: 0o4640,
        },
      },
      {
        operation: "file.Installed",
        params: { path: "/etc/piri-same", content: "same\n" },
      },
      {
        operation: "file.Installed",
        params: { path: "/etc/piri-old", content: "new\n", backup: true },
      },
    ],
    unchanged: [1],
    written: [
      "+ /etc/piri-old~",
      "+ /srv/piri/",
      "+ /srv/piri/a/",
      "+ /srv/piri/a/b.conf",
      "~ /etc/piri-old",
    ],
    look:
      "stat -c '%a %U:%G' /srv/piri/a/b.conf /srv/piri/a; cat /srv/piri/a/b.conf /etc/piri-old /etc/piri-old~",
    seen: "4640 www-data:games\n755 root:root\nÜnïcode\nnew\nold\n",
  },
  {
    name: "file.Installed judges a file first, and writes where a link leads",
    prepare: "echo 1 >/etc/piri-real; ln -s piri-real /etc/piri-link",
    steps: [{
      operation: "file.Installed",
      params: {
        path: "/etc/piri-link",
        content: "2\n",
        follow: true,
        validate: "grep -q 2 %s",
      },
    }],
    links: { "/etc/piri-link": "/etc/piri-real" },
    written: ["~ /etc/piri-real"],
    look: "readlink /etc/piri-link; cat /etc/piri-real",
    seen: "piri-real\n2\n",
  },
  {
    name: "file.Dir makes a folder, and changes the owner of all below one",
    prepare: "mkdir -p /srv/old/sub; touch /srv/old/sub/file /srv/old/right; " +
      "chown games /srv/old/right",
    steps: [
      {
        operation: "file.Dir",
        params: { path: "/srv/new", mode: 0o2750, group: "games" },
      },
      {
        operation: "file.Dir",
        params: { path: "/srv/old", user: "games", recurse: ["user"] },
      },
    ],
    written: [
      "+ /srv/new/",
      "~ /srv/old/",
      "~ /srv/old/sub/",
      "~ /srv/old/sub/file",
    ],
    look: "stat -c '%a %G' /srv/new; find /srv/old ! -user games",
    seen: "2750 games\n",
  },
  {
    name: "file.Dir removes what no step names",
    prepare:
      "mkdir -p /srv/conf.d/old; touch /srv/conf.d/keep /srv/conf.d/gone /srv/conf.d/old/x",
    steps: [
      {
        operation: "file.Dir",
        params: { path: "/srv/conf.d", clean: true },
      },
      {
        operation: "file.Installed",
        params: { path: "/srv/conf.d/keep", content: "" },
      },
    ],
    unchanged: [1],
    written: ["- /srv/conf.d/gone", "- /srv/conf.d/old"],
    look: "ls /srv/conf.d",
    seen: "keep\n",
  },
  {
    name: "file.Symlinked makes a link, and takes the place of a file",
    prepare: "echo x >/etc/piri-file",
    steps: [
      {
        operation: "file.Symlinked",
        params: { path: "/etc/piri-new", target: "../srv" },
      },
      {
        operation: "file.Symlinked",
        params: { path: "/etc/piri-file", target: "/nowhere" },
      },
    ],
    written: ["+ /etc/piri-new", "~ /etc/piri-file"],
    look: "readlink /etc/piri-new /etc/piri-file",
    seen: "../srv\n/nowhere\n",
  },
  {
    name: "file.Absent removes a file, a link and a folder with all in it",
    prepare:
      "mkdir -p /srv/a/b; touch /srv/a/b/c /srv/file; ln -s /etc /srv/link",
    steps: [
      { operation: "file.Absent", params: { path: "/srv/file" } },
      { operation: "file.Absent", params: { path: "/srv/link" } },
      { operation: "file.Absent", params: { path: "/srv/a", recurse: true } },
      { operation: "file.Absent", params: { path: "/srv/nothing" } },
    ],
    unchanged: [3],
    written: ["- /srv/a", "- /srv/file", "- /srv/link"],
    look: "ls -A /srv; ls -d /etc/passwd",
    seen: "/etc/passwd\n",
  },
  {
    name: "file.Line replaces a line, and file.Block keeps a block",
    prepare: "printf 'Port 22\\nUseDNS yes\\n' >/etc/piri-sshd; " +
      "chown games /etc/piri-sshd; chmod 600 /etc/piri-sshd",
    steps: [
      {
        operation: "file.Line",
        params: { path: "/etc/piri-sshd", line: "Port 2222", match: "^Port " },
      },
      {
        operation: "file.Block",
        params: { path: "/etc/piri-sshd", content: "Match all\n" },
      },
      {
        operation: "file.Line",
        params: { path: "/etc/piri-new", line: "one", create: true },
      },
    ],
    written: ["+ /etc/piri-new", "~ /etc/piri-sshd"],
    look: "stat -c '%a %U' /etc/piri-sshd; cat /etc/piri-sshd /etc/piri-new",
    seen: "600 games\nPort 2222\nUseDNS yes\n# BEGIN managed by Piri\n" +
      "Match all\n# END managed by Piri\none\n",
  },
  {
    name: "file.Downloaded and archive.Extracted take files from a server",
    prepare:
      "mkdir -p /srv/www/app-1/bin; echo hi >/srv/www/app-1/README; echo run >/srv/www/app-1/bin/run; " +
      "chmod 755 /srv/www/app-1/bin/run; cd /srv/www; tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=0755 -cf app.tar app-1; rm -r app-1",
    serve: "/srv/www",
    steps: [
      {
        operation: "file.Downloaded",
        params: {
          url: "http://127.0.0.1:8000/app.tar",
          path: "/opt/app.tar",
          unpinned: true,
          mode: 0o600,
        },
      },
      {
        operation: "archive.Extracted",
        params: {
          url: "http://127.0.0.1:8000/app.tar",
          sha256:
            "ec8513d56de0ef9d0c6d2dce4a8e8ccd687c42ea478de64b8f6c51f3d0a40bb1",
          path: "/opt/app",
          strip: 1,
          user: "games",
        },
      },
    ],
    written: [
      "+ /opt/.app.tar.piri-etag",
      "+ /opt/app.tar",
      "+ /opt/app/",
      "+ /opt/app/.piri-archive-ec8513d56de0ef9d-1.json",
      "+ /opt/app/README",
      "+ /opt/app/bin/",
      "+ /opt/app/bin/run",
    ],
    look: "cat /opt/app/README; stat -c '%a %U' /opt/app/bin/run /opt/app.tar",
    seen: "hi\n755 games\n600 root\n",
  },
];
