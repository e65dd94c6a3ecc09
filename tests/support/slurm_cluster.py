"""A Slurm cluster of this host alone: munged, slurmctld and slurmd with their files in one folder."""

import os
import pathlib
import shutil
import subprocess
import time

CONF = """
ClusterName=pagewalk
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=short Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=other Nodes=ALL Default=NO MaxTime=INFINITE State=UP
"""


def is_installed():
    return os.geteuid() == 0 and all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("munged", "slurmctld", "slurmd", "sbatch"))


class SlurmCluster:
    """Use as a context. `environment` is what Slurm's commands need to find it."""

    def __init__(self, folder, port):
        self.folder = pathlib.Path(folder)
        host = os.uname().nodename.partition(".")[0]
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        cpus = os.cpu_count()
        (self.folder / "slurm.conf").write_text(
            CONF.format(host=host, port=port, node_port=port + 1, folder=self.folder, cpus=cpus)
        )
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o600)
        self.environment = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self.processes = []

    def __enter__(self):
        path = self.folder
        self.start("munged", "--foreground", "--force", f"--key-file={path}/munge.key", f"--socket={path}/munge.socket",
                   f"--pid-file={path}/munge.pid", f"--log-file={path}/munge.log", f"--seed-file={path}/munge.seed")
        self.wait_for(lambda: (path / "munge.socket").exists(), "munged")
        self.start("slurmctld", "-D", "-f", f"{path}/slurm.conf")
        self.start_slurmd()
        self.wait_for(lambda: self.ask("sinfo", "-h", "-p", "short", "-o", "%T").strip() == "idle", "an idle node")
        return self

    def start_slurmd(self):
        self.start("slurmd", "-D", "-f", f"{self.folder}/slurm.conf")

    def kill_slurmd(self):
        """As a node's failure does: the daemon goes without a word. What it has started may go on."""
        slurmd = next(process for process in self.processes if process.args[0].endswith("slurmd"))
        slurmd.kill()
        slurmd.wait()
        self.processes.remove(slurmd)

    def __exit__(self, *_):
        self.ask("scancel", "-u", "root")
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name, *words):
        program = shutil.which(name, path="/usr/sbin:/usr/bin")
        with open(self.folder / f"{name}.out", "w") as log:
            self.processes.append(subprocess.Popen([program, *words], env=self.environment, stdout=log, stderr=log))

    def ask(self, *words):
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=30).stdout

    def wait_for(self, condition, what):
        deadline = time.monotonic() + 60
        while not condition():
            for process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args[0]} ended with {process.returncode}: {self.logs()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {what} after a minute: {self.logs()}")
            time.sleep(0.1)

    def logs(self):
        return "\n".join(f"{file.name}: {file.read_text()[-500:]}" for file in self.folder.glob("*.*") if file.suffix in (".log", ".out"))
