import CLinux
import Dispatch
import EventLoop
import Glibc
import Primitives
import Settings

/// Watches a settings file and loads it again when it changes.
///
/// The folder is watched rather than the file: editors rename a new file over the old one, and Kubernetes swaps a
/// symbolic link beside it; either way the file that was opened first never changes. When the file is itself a link,
/// the folder it leads to is watched too. A swapped link further up the path is noticed at the next event, or by
/// `reload()`.
///
/// Everything but the load itself happens on the loop.
// Unchecked because all state is confined to the loop, which every entry checks; the loading thread only carries the
// reference there and back.
public final class SettingsWatcher: Descriptor, @unchecked Sendable {
    /// What an editor does for one save is over by then.
    static let debounceNanoseconds: Int64 = 100_000_000
    /// A folder in which something happens all the time does not put the load off for longer.
    static let maxDebounceNanoseconds: Int64 = 1_000_000_000
    /// A folder that is gone may come back, and nothing tells when.
    static let retryNanoseconds: Int64 = 1_000_000_000

    private static let watchMask =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE) | UInt32(IN_DELETE)
        | UInt32(IN_MOVE_SELF) | UInt32(IN_DELETE_SELF) | UInt32(IN_ONLYDIR)

    private let path: String
    private let folder: String
    private let onChange: (Result<Settings, SettingsError>) -> Void
    /// What was told last, so that an event about another file of the folder tells nothing.
    private var latest: Result<Settings, SettingsError>
    /// Folder by watch descriptor.
    private var watches: [Int32: String] = [:]
    private var firstEvent: Instant?
    private var timer: LoopTimer?
    private var isLoading = false
    /// Loads that have come to an end, whether there was news or not.
    public private(set) var loads: UInt64 = 0
    /// Asked for while a load was under way.
    private var pending: Reason?

    private enum Reason: Equatable { case changed, asked }

    private static let loader = DispatchQueue(label: "sluice.settings", qos: .utility)

    /// Begins to watch, on the loop. `running` is what the caller has loaded from `path`; a change that came in
    /// between is told as well. `onChange` is called on the loop, with new settings or with why they are refused.
    ///
    /// Throws `SystemError` when the system has no inotify descriptor or watch to give.
    public init(
        path: String,
        running: Settings,
        on loop: EventLoop,
        onChange: @escaping (Result<Settings, SettingsError>) -> Void
    ) throws {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor != -1 else { throw SystemError(call: "inotify_init1") }
        self.path = path
        self.folder = SettingsFile.absoluteFolder(of: path)
        self.onChange = onChange
        self.latest = .success(running)
        super.init(loop: loop, fd: descriptor)
        try self.watch(self.folder)
        try self.register(.readable)
        self.timer = LoopTimer(loop: loop) { [weak self] in self?.timerFired() }
        self.load(.changed)
    }

    /// Loads the file now and tells the result, changed or not: the answer to SIGHUP.
    public func reload() {
        self.loop.preconditionOnLoop()
        self.load(.asked)
    }

    /// Tells nothing more.
    public func close() {
        self.loop.preconditionOnLoop()
        self.timer?.disarm()
        self.deregisterAndClose()
    }

    // MARK: Events

    public override func ready(_ events: ReadyEvents) {
        while true {
            let buffer = self.loop.readScratch
            let count = read(self.fd, buffer.baseAddress, buffer.count)
            if count == -1, errno == EINTR { continue }
            guard count > 0 else { break }
            self.take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        let first = self.firstEvent ?? self.loop.now
        self.firstEvent = first
        let latest = first.advanced(byNanoseconds: Self.maxDebounceNanoseconds)
        self.timer?.arm(at: min(latest, self.loop.now.advanced(byNanoseconds: Self.debounceNanoseconds)))
    }

    /// Names are not looked at: with links and renames about, any of them may mean the file. Only what says that a
    /// watch no longer stands for its path matters here.
    private func take(_ events: UnsafeRawBufferPointer) {
        let headBytes = 16
        var offset = 0
        while offset + headBytes <= events.count {
            let watch = events.loadUnaligned(fromByteOffset: offset, as: Int32.self)
            let mask = events.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
            offset += headBytes + Int(events.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            if mask & UInt32(IN_IGNORED) != 0 { self.watches[watch] = nil }
            if mask & UInt32(IN_MOVE_SELF) != 0 { self.unwatch(watch) }
        }
    }

    private func timerFired() {
        self.firstEvent = nil
        self.load(.changed)
    }

    // MARK: Watches

    private func watch(_ folder: String) throws {
        guard !self.watches.values.contains(folder) else { return }
        let watch = inotify_add_watch(self.fd, folder, Self.watchMask)
        guard watch != -1 else { throw SystemError(call: "inotify_add_watch of \(folder)") }
        self.watches[watch] = folder
    }

    private func unwatch(_ watch: Int32) {
        self.watches[watch] = nil
        _ = inotify_rm_watch(self.fd, watch)
    }

    /// Looks again where the file is. What cannot be watched now is tried again later.
    private func syncWatches() {
        var folders = [self.folder]
        if let target = realpath(self.path, nil) {
            folders.append(SettingsFile.absoluteFolder(of: String(cString: target)))
            free(target)
        }
        for (watch, folder) in self.watches where !folders.contains(folder) { self.unwatch(watch) }
        do {
            for folder in folders { try self.watch(folder) }
        } catch {
            self.timer?.arm(afterNanoseconds: Self.retryNanoseconds)
        }
    }

    // MARK: Loading

    private func load(_ reason: Reason) {
        guard self.fd >= 0 else { return }
        guard !self.isLoading else {
            self.pending = self.pending == .asked ? .asked : reason
            return
        }
        self.isLoading = true
        // Before the load: a change that comes after it makes an event.
        self.syncWatches()
        let path = self.path
        // Disk and parser take milliseconds, which requests on the loop would feel.
        Self.loader.async {
            let result = Result { () throws(SettingsError) in try SettingsFile.load(path) }
            self.loop.submit { self.loaded(result, reason) }
        }
    }

    private func loaded(_ result: Result<Settings, SettingsError>, _ reason: Reason) {
        self.isLoading = false
        self.loads += 1
        guard self.fd >= 0 else { return }
        let isNews = reason == .asked || result != self.latest
        self.latest = result
        if isNews { self.onChange(result) }
        if let pending = self.pending {
            self.pending = nil
            self.load(pending)
        }
    }
}
