import CLinux
import Glibc

/// The start of a program: what its descriptors and signals are, and whom it belongs to.
struct ProcessLaunch {
    enum Family {
        /// In a group of its own, so that Ctrl-C is for the parent, which then stops its children in order.
        case child
        /// In a session of its own: nothing that happens to the parent, or to its terminal, reaches it.
        case detached
    }

    var executable: String
    var arguments: [String]
    /// Added to this process's own.
    var environment: [String: String] = [:]
    var input: Int32
    var output: Int32
    /// Nil: standard error is inherited.
    var errors: Int32?
    var family = Family.child

    /// The number of the new process.
    func start() throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, self.input, 0)
        posix_spawn_file_actions_adddup2(&actions, self.output, 1)
        if let errors = self.errors { posix_spawn_file_actions_adddup2(&actions, errors, 2) }
        // What a library has opened without a word on it would go along, and its other end would not hear of an end before
        // the child's.
        sluice_spawn_closes_from(&actions, 3)
        // Signals ignored here would stay ignored there.
        var defaults = sigset_t()
        sigfillset(&defaults)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        // Dispatch's threads block every signal, and a child inherits that from the thread that starts it.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)
        switch self.family {
        case .child:
            posix_spawnattr_setpgroup(&attributes, 0)
            flags |= Int32(POSIX_SPAWN_SETPGROUP)
        case .detached: flags |= SLUICE_SPAWN_SETSID
        }
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let argv = ([self.executable] + self.arguments).map { strdup($0) } + [nil]
        let envp = self.variables.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, self.executable, &actions, &attributes, argv, envp)
        guard code == 0 else { throw SystemError(call: "start of \(self.executable)", code: code) }
        return pid
    }

    private var variables: [String] {
        var variables: [String] = []
        var cursor = environ
        while let entry = cursor.pointee {
            let text = String(cString: entry)
            let name = text.prefix { $0 != "=" }
            if self.environment[String(name)] == nil { variables.append(text) }
            cursor += 1
        }
        return variables + self.environment.map { "\($0.key)=\($0.value)" }
    }

    /// A child that cannot be watched is not left running.
    static func abandon(_ pid: Int32) {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }

    /// A descriptor that tells of the process's end.
    static func openHandle(of pid: Int32) throws -> Int32 {
        let handle = sluice_pidfd_open(pid)
        guard handle != -1 else { throw SystemError(call: "pidfd_open") }
        return handle
    }
}

extension ExitStatus {
    /// Takes the status of a child that has ended; nil when it has not.
    static func reap(_ pid: Int32) -> ExitStatus? {
        var status: Int32 = 0
        let reaped = waitpid(pid, &status, WNOHANG)
        // ECHILD: somebody else has reaped it. It is gone all the same; how it ended is not known.
        if reaped == -1, errno == ECHILD { return .unknown }
        guard reaped == pid else { return nil }
        return sluice_exited(status) != 0 ? .exited(sluice_exit_code(status)) : .signalled(sluice_term_signal(status))
    }
}
