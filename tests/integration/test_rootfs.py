"""A root file system as a runtime: imported from what container engines write, without one, and the root of a run."""

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile

import pytest

TOOL = "tests/rootfs_tool"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def rootfs_tool(hood, *words, **options):
    return hood.call(*words, program=hood.programs / TOOL, **options)


def layer(entries):
    """A tar archive: (name, contents, mode); a name that ends with / is a directory, contents of a tuple are a link's target."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, contents, mode in entries:
            info = tarfile.TarInfo(name.rstrip("/"))
            info.mode, info.mtime = mode, 1600000000
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            elif isinstance(contents, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, contents[0]
            else:
                info.size = len(contents)
            archive.addfile(info, io.BytesIO(contents) if info.isreg() else None)
    return out.getvalue()


def busybox():
    """The smallest real system: Debian's static BusyBox, with the links that its own installer makes."""
    path = shutil.which("busybox") or pytest.fail("busybox-static is not installed: tools/bootstrap test")
    with open(path, "rb") as file:
        program = file.read()
    names = subprocess.run([path, "--list-full"], capture_output=True, text=True, check=True).stdout.split()
    directories = sorted({os.path.dirname(name) + "/" for name in names})
    entries = [(name, b"", 0o755) for name in ["bin/", "etc/", "tmp/", "usr/", *directories] if name != "bin/"]
    entries = [("bin/", b"", 0o755), *dict.fromkeys(entries)]
    entries += [("bin/busybox", program, 0o755)]
    entries += [(name, ("/bin/busybox",), 0o777) for name in names if name != "bin/busybox"]
    entries += [("etc/image-release", b"the image's own\n", 0o644), ("etc/passwd", b"root::0:0::/:/bin/sh\n", 0o644)]
    return layer(entries)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def image_config(layers):
    return json.dumps(
        {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TOOL=from the image", "HOME=/root"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(plain)}" for plain in layers]},
        }
    ).encode()


def docker_save(layers):
    config = image_config(layers)
    files = [(f"{sha256(config)}.json", config)] + [(f"{i}/layer.tar", data) for i, data in enumerate(layers)]
    entry = {"Config": files[0][0], "RepoTags": ["lab/busybox:1"], "Layers": [name for name, _ in files[1:]]}
    return layer([(name, data, 0o644) for name, data in [*files, ("manifest.json", json.dumps([entry]).encode())]])


def oci_archive(layers):
    """With compressed layers, as registries have them, and the whole compressed once more."""
    config = image_config(layers)
    packed = [gzip.compress(plain, mtime=0) for plain in layers]

    def descriptor(data, **more):
        return {"digest": f"sha256:{sha256(data)}", "size": len(data), **more}

    manifest = json.dumps({"schemaVersion": 2, "config": descriptor(config), "layers": [descriptor(data) for data in packed]}).encode()
    index = {"schemaVersion": 2, "manifests": [descriptor(manifest, platform={"os": "linux", "architecture": ARCHITECTURE})]}
    blobs = [(f"blobs/sha256/{sha256(data)}", data, 0o644) for data in [*packed, config, manifest]]
    rest = [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}', 0o644), ("index.json", json.dumps(index).encode(), 0o644)]
    return gzip.compress(layer([*blobs, *rest]))


OVER = [("opt/tool/", b"", 0o755), ("opt/tool/data", b"of the second layer\n", 0o644), ("usr/bin/.wh.wget", b"", 0o644)]
FORMS = {"docker": docker_save, "oci": oci_archive}


@pytest.fixture
def archive(hood):
    def write(data, name="image.tar"):
        path = hood.top / name
        path.write_bytes(data)
        hood.give(path)
        return path

    return write


@pytest.fixture
def image(hood, archive):
    """An imported image, as most tests want it."""
    target = hood.folder("runtimes") / "busybox"
    done = rootfs_tool(hood, "import", archive(docker_save([busybox(), layer(OVER)])), target)
    assert done.exit_code == 0, done.explain()
    return target


@pytest.mark.parametrize("form", FORMS)
def test_an_image_is_imported_and_is_the_root_of_a_run(hood, archive, form):
    target = hood.folder("runtimes") / form
    done = rootfs_tool(hood, "import", archive(FORMS[form]([busybox(), layer(OVER)])), target)
    assert done.exit_code == 0, done.explain()
    assert rootfs_tool(hood, "check", target, "--deep").exit_code == 0
    script = "cat /opt/tool/data /etc/image-release; echo $TOOL $HOME; ls /usr/bin/wget; readlink /bin/sh"
    run = rootfs_tool(hood, "run", target, "--", "sh", "-c", script)
    lines = run.text.splitlines()
    assert lines == ["of the second layer", "the image's own", "from the image /home/analysis", "/bin/busybox"], run.explain()


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_becomes_a_runtime_of_the_catalog(hood, archive, form):
    added = hood.call("runtimes", "add", "tool", "--root", archive(FORMS[form]([busybox(), layer(OVER)])))
    assert added.exit_code == 0, added.explain()
    (entry,) = [e for e in json.loads(hood.call("runtimes", "ls", "--json").text)["runtimes"] if e["name"] == "tool"]
    assert (entry["health"]["state"], entry["sources"][0]["owned"]) == ("healthy", True) and entry["sources"][0]["digest"].startswith("sha256:")
    run = hood.run("cat", "/opt/tool/data", flags=["--runtime", "tool"])
    assert run.text == "of the second layer\n", run.explain()
    tree = hood.state / "runtimes/tool/rootfs/root"
    target = tree / "opt/tool/data"
    target.chmod(0o644)
    target.write_text("changed afterwards!\n")
    refused = hood.run("true", flags=["--runtime", "tool"])
    assert refused.exit_code == 2 and "runtime_unhealthy" in refused.errors and "opt/tool/data" in refused.errors, refused.explain()
    assert hood.call("runtimes", "remove", "tool").exit_code == 0
    assert not tree.exists()


def test_an_archive_that_is_refused_leaves_no_runtime(hood, archive):
    added = hood.call("runtimes", "add", "tool", "--root", archive(b"this is no archive"))
    assert added.exit_code != 0 and "image.tar" in added.errors, added.explain()
    assert not (hood.state / "runtimes/tool").exists(), added.explain()


def test_both_forms_give_the_same_identity(hood, archive):
    layers = [busybox(), layer(OVER)]
    said = [rootfs_tool(hood, "import", archive(make(layers)), hood.folder("runtimes") / form).text.split() for form, make in FORMS.items()]
    assert [words[0] for words in said] == ["docker-archive", "oci-archive"]
    assert said[0][2] == said[1][2]


def test_nothing_of_the_hosts_system_is_seen(hood, image):
    looked_for = ["/usr/bin/python3", "/usr/lib/x86_64-linux-gnu", "/usr/share/doc", "/lib/x86_64-linux-gnu", "/etc/debian_version", "/etc/ld.so.cache"]
    assert any(os.path.exists(path) for path in looked_for)
    run = rootfs_tool(hood, "run", image, "--", "sh", "-c", f"ls -d {' '.join(looked_for)} 2>/dev/null; ls / | tr '\\n' ' '; echo; cat /etc/passwd")
    lines = run.text.splitlines()
    top = set(lines[0].split())
    # What the image has, what the hood makes, and the way to the work directory.
    assert top <= {"bin", "sbin", "usr", "opt", "dev", "etc", "home", "proc", "run", "tmp", "var", "linuxrc", hood.work.parts[1]}, run.explain()
    assert lines[1].startswith("root:x:0:0:root:/nonexistent") and "analysis:x:" in lines[2], run.explain()


def test_a_run_cannot_change_the_tree(hood, image):
    script = "for d in /bin /usr /opt/tool /etc /; do touch $d/mine 2>/dev/null && echo wrote $d; done; rm -rf /opt/tool /bin/ls 2>/dev/null; echo x >written"
    run = rootfs_tool(hood, "run", image, "--", "/bin/busybox", "sh", "-c", script)
    assert run.exit_code == 0 and run.text == "", run.explain()
    assert rootfs_tool(hood, "check", image, "--deep").text == ""
    run_id = hood.runs()[-1]
    assert (hood.run_directory(run_id) / "work" / "written").read_text() == "x\n"


def test_the_record_says_which_tree_it_was(hood, image):
    run = rootfs_tool(hood, "run", image, "--", "true")
    assert run.exit_code == 0, run.explain()
    run_id = hood.runs()[-1]
    resolved = json.loads((hood.run_directory(run_id) / "resolved.json").read_text(encoding="utf-8"))
    identity = hashlib.sha256((image / "files.txt").read_bytes()).hexdigest()
    assert resolved["runtime"] == {"name": "image", "kind": "rootfs", "interpreter": "", "location": str(image / "root"), "identity": identity}
    assert any(f"take '{image}/root/bin' from the host (read-only, nodev, nosuid)" in line for line in resolved["plan"])
    assert not any("take '/usr' " in line for line in resolved["plan"])
    assert hood.call("verify", run_id).exit_code == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_tampered_blob_is_refused_by_name(hood, archive, form):
    genuine = layer([*OVER, ("opt/tool/marker", b"genuine", 0o644)])
    data = FORMS[form]([busybox(), genuine])
    if form == "oci":
        data = gzip.decompress(data)
        blob = gzip.compress(genuine, mtime=0)
        name = f"blobs/sha256/{sha256(blob)}"
        changed = data.replace(blob, blob[:-20] + bytes(20))
    else:
        name, changed = "1/layer.tar", data.replace(b"genuine", b"hostile")
    assert changed != data
    done = rootfs_tool(hood, "import", archive(changed), hood.folder("runtimes") / "x")
    assert done.exit_code != 0 and name in done.errors and "was changed or is damaged" in done.errors, done.explain()
    assert os.listdir(hood.folder("runtimes")) == []


def test_links_of_an_image_are_never_followed_on_the_host(hood, archive):
    """Top-level links that are absolute or climb out, one in the way of the work directory, and one in place of /etc."""
    secret = hood.file("secret/key", "the host's secret")
    planted = [
        ("way", (str(secret.parent),), 0o777),
        ("climb", ("../../../../../.." + str(secret.parent),), 0o777),
        ("etc2", ("/etc",), 0o777),
    ]
    target = hood.folder("runtimes") / "hostile"
    done = rootfs_tool(hood, "import", archive(docker_save([busybox(), layer(planted)])), target)
    assert done.exit_code == 0, done.explain()
    run = rootfs_tool(hood, "run", target, "--", "sh", "-c", "cat /way/key /climb/key 2>/dev/null; cat /etc2/image-release")
    assert run.text == "the image's own\n", run.explain()


def test_a_link_in_the_way_of_what_is_shown_means_what_it_means_in_the_run(hood, archive):
    """The hood walks the image's link /data -> /opt/real before it has left the host's root: /opt/real is the image's."""
    tree = layer([("opt/real/inner/", b"", 0o755), ("data", ("/opt/real",), 0o777)])
    hood.file("input/reads.txt", "shown\n")
    target = hood.folder("runtimes") / "linked"
    done = rootfs_tool(hood, "import", archive(docker_save([busybox(), tree])), target)
    assert done.exit_code == 0, done.explain()
    run = rootfs_tool(hood, "run", target, "--input", f"{hood.top}/input:/data/inner", "--", "cat", "/opt/real/inner/reads.txt")
    assert run.text == "shown\n", run.explain()


def test_what_the_image_has_no_place_for_is_said_before_the_run(hood, image):
    hood.file("input/reads.txt", "x")
    run = rootfs_tool(hood, "run", image, "--input", f"{hood.top}/input:/opt/data", "--", "true")
    assert run.exit_code == 2 and "'/opt/data' lies in /opt, which is the runtime's own" in run.errors, run.explain()
    assert hood.runs() == []
    run = rootfs_tool(hood, "run", image, "--input", f"{hood.top}/input:/data", "--", "cat", "/data/reads.txt")
    assert run.text == "x", run.explain()


def test_a_program_that_only_the_host_has_is_not_found(hood, image):
    run = rootfs_tool(hood, "run", image, "--", "python3", "-c", "print(1)")
    assert run.exit_code == 127, run.explain()


@pytest.mark.only_as("root")
def test_a_full_disk_leaves_nothing(hood, archive):
    """A file system of its own, in a mount namespace of its own, that is too small."""
    source = archive(docker_save([busybox(), layer([("opt/large", os.urandom(4 << 20), 0o644)])]))
    folder = hood.folder("small")
    tool = hood.programs / TOOL
    script = f'mount -t tmpfs -o size=6m none "{folder}" && ! "{tool}" import "{source}" "{folder}/x" && test -z "$(ls -A "{folder}")"'
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-ec", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "no space left on device" in done.stderr, done


@pytest.mark.on_host
def test_a_debian_with_python_and_its_own_loader(hood):
    """A root file system of what Debian's packages put on this machine: shared libraries, a loader, an interpreter."""
    version = f"python3.{sys.version_info[1]}"
    wanted = ["libc6", "zlib1g", "libexpat1", "dash", f"{version}-minimal", f"lib{version}-minimal"]
    listed = subprocess.run(["dpkg-query", "-L", *wanted], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.fail(f"these packages are not installed: {listed.stderr}")
    packed = hood.top / "debian.tar.gz"
    with tarfile.open(packed, "w:gz", compresslevel=1) as archive:
        for name in ("bin", "lib", "lib64", "sbin"):  # merged into usr, as on every current Debian
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(link)
        for path in sorted({merged(path) for path in listed.stdout.split("\n") if path.startswith("/") and "/share/" not in path}):
            if os.path.lexists(path) and not os.path.isdir(path):
                archive.add(path, path[1:], recursive=False)
    hood.give(packed)
    target = hood.folder("runtimes") / "debian"
    done = rootfs_tool(hood, "import", packed, target)
    assert done.exit_code == 0, done.explain()
    script = "import os, zipimport, sys; print(sys.prefix, sys.version_info[1], sorted(os.listdir('/usr')), os.path.exists('/usr/bin/dpkg'))"
    run = rootfs_tool(hood, "run", target, "--", version, "-c", script)
    top = sorted(os.listdir(target / "root" / "usr"))
    assert run.text == f"/usr {sys.version_info[1]} {top} False\n", run.explain()
    assert rootfs_tool(hood, "check", target).text == ""


def merged(path):
    return f"/usr{path}" if path.split("/")[1] in ("bin", "lib", "lib64", "sbin") else path
