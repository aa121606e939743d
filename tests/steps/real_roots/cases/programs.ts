import type { RootCase } from "../root_case.ts";

const GIT = "git -c user.name=A -c user.email=a@localhost";

/** Lines that make a user with a key, and one with a repository that has another one in it; a copy of it is behind. */
const SSH = `
set -e
useradd -m -s /bin/sh -p '*' piri-git
useradd -m -s /bin/sh piri-web
ssh-keygen -q -t ed25519 -N '' -f /etc/piri-key
ssh-keygen -q -t ed25519 -N '' -f /etc/piri-host
mkdir -p /home/piri-git/.ssh /home/piri-web/.ssh /srv/web
cp /etc/piri-key.pub /home/piri-git/.ssh/authorized_keys
echo "127.0.0.1 $(cat /etc/piri-host.pub)" >/home/piri-web/.ssh/known_hosts
export GIT_CONFIG_GLOBAL=/srv/gitconfig
git config --global protocol.file.allow always
git config --global safe.directory '*'
git config --global user.name A
git config --global user.email a@localhost
for each in lib app; do git init -q /srv/$each; git init -q --bare /srv/$each.git; done
cd /srv/lib; echo part >part; git add .; git commit -qm 1; git push -q /srv/lib.git HEAD
cd /srv/app; echo whole >file; git submodule --quiet add /srv/lib.git lib
git config -f .gitmodules submodule.lib.url ssh://piri-git@127.0.0.1/srv/lib.git
git add .; git commit -qm 1; git push -q /srv/app.git HEAD

git clone -q /srv/app.git /srv/web/old
cd /srv/web/old
git remote set-url origin ssh://piri-git@127.0.0.1/srv/app.git
git config -f .gitmodules submodule.lib.url /srv/lib.git
git submodule --quiet update --init
git checkout -q .gitmodules
git submodule --quiet sync
cd /srv/lib; echo more >part; git commit -qam 2; git push -q /srv/lib.git HEAD
cd /srv/app/lib; git fetch -q /srv/lib.git; git checkout -q FETCH_HEAD
cd ..; git commit -qam 2; git push -q /srv/app.git HEAD
chown -R piri-git /srv/*.git /home/piri-git
chown -R piri-web /srv/web /home/piri-web /etc/piri-key
`;

/** Lines that make a repository of apt with packages of one file each. */
function packages(...all: string[]): string {
  return `rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
mkdir -p /opt/repository /var/lib/apt/lists/partial
echo 'deb [trusted=yes] file:/opt/repository ./' >/etc/apt/sources.list
build=/opt/build
for each in ${all.join(" ")}; do
  mkdir -p $build/DEBIAN $build/usr/share/piri
  printf 'Package: %s\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: A <a@localhost>\\nDescription: test\\n' "$each" >$build/DEBIAN/control
  echo "$each" >"$build/usr/share/piri/$each"
  dpkg-deb -Znone --build $build /opt/repository >/dev/null
  rm -r $build
done
cd /opt/repository; dpkg-scanpackages . >Packages 2>/dev/null
printf 'Suite: stable\\nSHA256:\\n %s %s Packages\\n' "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)" >Release
apt-get -q update; apt-get -s install ${all[0]}
`;
}

/** Paths that apt and dpkg keep for themselves. */
const OF_APT =
  /^[+~-] \/var\/(lib\/(apt\/(extended_states|lists\/)|dpkg\/(status|lock|triggers\/|info\/))|log\/|cache\/(apt|debconf)\/)/;

/** Cases of operations that run programs. */
export const PROGRAMS: readonly RootCase[] = [
  {
    name: "command.Run runs what its guard asks for",
    prepare: "touch /srv/there /srv/old",
    steps: [
      {
        operation: "command.RunMultiple",
        params: {
          commands: ["mkdir /srv/a", "mv /srv/old /srv/a"],
          unless: "test -e /srv/a/old",
        },
      },
      {
        operation: "command.Run",
        params: { command: "echo 1 >/srv/made", creates: "/srv/made" },
      },
      {
        operation: "command.Run",
        params: { command: "echo 2 >/srv/never", creates: "/srv/there" },
      },
    ],
    unknown: [1],
    unchanged: [2],
    written: ["+ /srv/a/", "+ /srv/a/old", "+ /srv/made", "- /srv/old"],
  },
  {
    name: "git.UpToDate clones a repository, and follows another",
    needs: "git",
    prepare:
      `git config --global init.defaultBranch main; git init -q /srv/work; cd /srv/work; echo 1 >file; git add .; ${GIT} commit -qm 1
git clone -q --bare /srv/work /srv/app.git; git clone -q /srv/app.git /srv/behind
echo 2 >file; ${GIT} commit -qam 2; git push -q /srv/app.git HEAD`,
    steps: [
      {
        operation: "git.UpToDate",
        params: { target: "/srv/new", repo: "/srv/app.git" },
      },
      {
        operation: "git.UpToDate",
        params: { target: "/srv/behind", repo: "/srv/app.git" },
      },
    ],
    written: ["+ /srv/new/", "+ /srv/new/file", "~ /srv/behind/file"],
    besides: /^[+~-] \/srv\/(new|behind)\/\.git\//,
    look: "cat /srv/new/file /srv/behind/file; git -C /srv/behind status -s",
    seen: "2\n2\n",
  },
  {
    name: "git.UpToDate fetches by ssh, as a user with a key, with submodules",
    needs: "sshd",
    prepare: SSH,
    start:
      "mkdir /run/sshd; /usr/sbin/sshd -f /dev/null -h /etc/piri-host -o ListenAddress=127.0.0.1 -o StrictModes=no -o UsePAM=no",
    steps: ["new", "old"].map((name) => ({
      operation: "git.UpToDate",
      params: {
        target: `/srv/web/${name}`,
        repo: "ssh://piri-git@127.0.0.1/srv/app.git",
        user: "piri-web",
        identity: "/etc/piri-key",
        "recurse_submodules": true,
      },
    })),
    written: [
      "+ /srv/web/new/",
      "+ /srv/web/new/.gitmodules",
      "+ /srv/web/new/file",
      "+ /srv/web/new/lib/",
      "+ /srv/web/new/lib/.git",
      "+ /srv/web/new/lib/part",
      "~ /srv/web/old/lib/part",
    ],
    besides: /^[+~-] \/srv\/web\/(new|old)\/\.git\//,
    look:
      "cd /srv/web; stat -c %U new/file new/lib/part; cat */file */lib/part",
    seen: "piri-web\npiri-web\nwhole\nwhole\nmore\nmore\n",
  },
  {
    name: "package.Installed installs packages of a repository",
    needs: "dpkg-scanpackages",
    prepare: packages("piri-one", "piri-two"),
    steps: [
      { operation: "package.Installed", params: { name: ["piri-one"] } },
      {
        operation: "package.Installed",
        params: { name: ["piri-two"], hold: true },
      },
    ],
    written: [
      "+ /usr/share/piri/",
      "+ /usr/share/piri/piri-one",
      "+ /usr/share/piri/piri-two",
    ],
    besides: OF_APT,
    look: "dpkg-query -W piri-one piri-two; apt-mark showhold",
    seen: "piri-one\t1.0\npiri-two\t1.0\npiri-two\n",
  },
  {
    name: "three packages in a row are one transaction of apt",
    needs: "dpkg-scanpackages",
    prepare: packages("piri-one", "piri-two", "piri-three"),
    steps: ["piri-one", "piri-two", "piri-three"].map((name) => ({
      operation: "package.Installed",
      params: { name: [name] },
    })),
    written: [
      "+ /usr/share/piri/",
      "+ /usr/share/piri/piri-one",
      "+ /usr/share/piri/piri-three",
      "+ /usr/share/piri/piri-two",
    ],
    besides: OF_APT,
    look:
      "grep -c '^Commandline.* install -- piri-one=1.0 piri-two=1.0 piri-three=1.0$' /var/log/apt/history.log",
    seen: "1\n",
  },
  {
    name: "package.Absent removes a package with its files",
    needs: "dpkg-scanpackages",
    prepare: `${packages("piri-one")}apt-get -qy install piri-one`,
    steps: [
      { operation: "package.Absent", params: { name: ["piri-one"] } },
    ],
    written: ["- /usr/share/piri"],
    besides: OF_APT,
    look: "dpkg-query -W piri-one 2>&1 | cut -d' ' -f1-4",
    seen: "dpkg-query: no packages found\n",
  },
  {
    name: "package.Repository takes its file away, and reads the lists",
    needs: "dpkg-scanpackages",
    prepare: `${
      packages("piri-one")
    }printf 'Types: deb\\nURIs: file:/opt/nowhere\\nSuites: ./\\n' >/etc/apt/sources.list.d/piri.sources`,
    steps: [{
      operation: "package.Repository",
      params: { name: "piri", url: "file:/opt/nowhere", absent: true },
    }],
    written: ["- /etc/apt/sources.list.d/piri.sources"],
    besides: OF_APT,
  },
  {
    name: "package.Lists reads the lists anew",
    needs: "dpkg-scanpackages",
    prepare: `${packages("piri-one")}rm -r /var/lib/apt/lists/*`,
    steps: [{ operation: "package.Lists", params: {} }],
    written: [
      "+ /var/lib/apt/lists/_opt_repository_._Packages.lz4",
      "+ /var/lib/apt/lists/_opt_repository_._Release",
      "+ /var/lib/apt/lists/auxfiles/",
      "+ /var/lib/apt/lists/lock",
      "+ /var/lib/apt/lists/partial/",
    ],
  },
];
