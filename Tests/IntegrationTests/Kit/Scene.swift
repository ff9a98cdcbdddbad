import Foundation
import Glibc
import Testing

/// What one test starts: a folder, processes, workers. All of it is gone when the test is over, however it ends.
final class Scene {
    let folder: String
    private var sluices: [SluiceProcess] = []
    private var processes: [RunningProcess] = []
    private var workers: [RawWorker] = []
    private var files = 0

    /// Plays `body`; a failure brings the logs of the processes along.
    static func play(_ body: (Scene) throws -> Void) throws {
        let scene = try Scene()
        defer { scene.end() }
        do {
            try body(scene)
        } catch {
            throw Disappointment("\(error)\(scene.logs)")
        }
        scene.checkProcesses()
    }

    private init() throws {
        var template = Array("/tmp/sluice-scene-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else { throw Disappointment("no temporary folder can be made") }
        self.folder = String(cString: path)
    }

    // MARK: What a test starts

    /// `command` is `run`, `gateway` or `controller`; returns when it listens, unless `waits` is false.
    @discardableResult
    func start(
        _ configuration: Configuration,
        command: String = "run",
        name: String = "sluice",
        waits: Bool = true,
        under wrapper: [String] = []
    ) throws -> SluiceProcess {
        let sluice = try self.start(text: configuration.text, command: command, name: name, under: wrapper)
        if waits { try sluice.waitUntilListening(hasGateway: command != "controller") }
        return sluice
    }

    /// `wrapper` is a program with arguments that prepares something and then becomes the gateway, such as `prlimit`.
    func start(
        text: String,
        command: String = "run",
        name: String = "sluice",
        under wrapper: [String] = []
    ) throws -> SluiceProcess {
        let file = "\(self.folder)/\(name).yaml"
        try self.write(text, to: file)
        let sluice = try SluiceProcess(
            command: command,
            configurationFile: file,
            folder: self.folder,
            name: name,
            wrapper: wrapper
        )
        self.sluices.append(sluice)
        return sluice
    }

    func startWorker(_ script: @escaping RawWorker.Script) throws -> RawWorker {
        let worker = try RawWorker(script)
        self.workers.append(worker)
        return worker
    }

    /// A worker whose queue of connections is full until it is resumed: then `script` runs as usual.
    func startStalledWorker(_ script: @escaping RawWorker.Script) throws -> RawWorker {
        let worker = try RawWorker(stalled: script)
        self.workers.append(worker)
        return worker
    }

    func makeRefusingWorker() throws -> RawWorker {
        let worker = try RawWorker(refusing: ())
        self.workers.append(worker)
        return worker
    }

    /// A Redis of the test's own; started again on the same folder it has its data back.
    func startRedis(socket: String) throws -> RunningProcess {
        let data = "\(self.folder)/redis-data"
        mkdir(data, 0o700)
        let process = try self.launch(
            "redis-server",
            [
                "--port", "0", "--unixsocket", socket, "--dir", data, "--save", "", "--appendonly", "yes", "--loglevel",
                "warning",
            ]
        )
        try Patience.wait(for: "redis-server on \(socket)") {
            try self.run("redis-cli", ["-s", socket, "PING"]).output.hasPrefix("PONG")
        }
        return process
    }

    /// Runs a program to its end.
    func run(
        _ program: String,
        _ arguments: [String]
    ) throws -> (end: RunningProcess.End, output: String, errors: String) {
        let process = try self.launch(program, arguments)
        defer { self.processes.removeAll { $0 === process } }
        let end = try process.waitForEnd()
        return (end, process.output, process.errors)
    }

    func launch(_ program: String, _ arguments: [String]) throws -> RunningProcess {
        self.files += 1
        let name = "\(program.split(separator: "/").last ?? "program")-\(self.files)"
        let process = try RunningProcess(program, arguments, folder: self.folder, name: name)
        self.processes.append(process)
        return process
    }

    /// Puts a file in place in one step, as editors and deployments do.
    func write(_ text: String, to path: String) throws {
        let draft = path + ".draft"
        guard let file = fopen(draft, "w") else { throw Disappointment("\(draft) cannot be written") }
        fputs(text, file)
        guard fclose(file) == 0, rename(draft, path) == 0 else { throw Disappointment("\(path) cannot be written") }
    }

    /// Replaces a configuration and waits until the process has taken it over.
    func reload(_ sluice: SluiceProcess, with text: String) throws {
        let before = try sluice.status()
        try self.write(text, to: sluice.configurationFile)
        sluice.process.signal(SIGHUP)
        try Patience.wait(for: "the reload") {
            let status = try sluice.status()
            guard status.reloads_refused == before.reloads_refused else {
                throw Disappointment("the new configuration was refused")
            }
            return status.reloads_applied > before.reloads_applied
        }
    }

    /// Those that it has stay open.
    func limitDescriptors(of sluice: SluiceProcess, to count: Int) throws {
        let result = try self.run("prlimit", ["--pid", "\(sluice.process.pid)", "--nofile=\(count):"])
        guard result.end == .exited(0) else { throw Disappointment("no limit: \(result.errors)") }
    }

    // MARK: The end

    /// Nothing of ours may have crashed, or been found at fault by a sanitizer, on the way.
    private func checkProcesses() {
        for sluice in self.sluices {
            let end = sluice.process.endIfEnded
            if !sluice.mayEnd, end != nil { Issue.record("\(sluice.name) ended on the way: \(end!)\(self.logs)") }
            if case .signalled(let number) = end, ![SIGKILL, SIGTERM].contains(number) {
                Issue.record("\(sluice.name) died of signal \(number)\(self.logs)")
            }
            for word in ["Sanitizer", "Fatal error", "Precondition failed"] where sluice.process.errors.contains(word) {
                Issue.record("\(sluice.name) says '\(word)'\(self.logs)")
            }
        }
    }

    private var logs: String {
        self.sluices.map { sluice in
            let lines = sluice.process.errors.split(separator: "\n", omittingEmptySubsequences: false).suffix(60)
            return "\n--- \(sluice.name), end of its log ---\n" + lines.joined(separator: "\n")
        }.joined()
    }

    private func end() {
        // Workers of a killed controller go on, and so does a killed one's Redis, for the next to take over.
        for sluice in self.sluices { sluice.process.kill() }
        for worker in self.workerProcesses { kill(worker.pid, SIGKILL) }
        for process in self.processes { process.kill() }
        if let redis = self.embeddedRedisPID { kill(redis, SIGKILL) }
        for worker in self.workers { worker.stop() }
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// The process that serves the embedded Redis' socket; nil when there is none.
    var embeddedRedisPID: pid_t? {
        let text = RunningProcess.text("\(self.folder)/state/redis/redis.pid")
        guard let pid = pid_t(text.split(whereSeparator: \.isWhitespace).first ?? "") else { return nil }
        let name = RunningProcess.text("/proc/\(pid)/cmdline")
        return name.contains("redis-server") ? pid : nil
    }
}
