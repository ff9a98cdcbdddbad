import EventLoop
import Glibc
import Pools
import Primitives
import TestKit
import Testing

@testable import Controller

/// The list of workers in a state folder.
@Suite struct WorkerFolderTests {
    /// A state folder, removed in the end.
    private final class Rig {
        let path: String
        let folder: WorkerFolder
        /// Its time.
        private let world = VirtualWorld(seed: 1)
        private let loop: VirtualLoop

        /// `onLine` is given all that is logged.
        init(_ onLine: @escaping @Sendable (String) -> Void = { _ in }) {
            var template = Array("/tmp/sluice-folder-XXXXXX\0".utf8CString.dropLast())
            self.path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
            self.loop = self.world.makeLoop()
            self.folder = WorkerFolder(stateFolder: self.path, loop: self.loop, log: ToldLog.logger(onLine))
        }

        deinit {
            for name in ["p.workers", "q.workers", "p.workers.damaged", "p.workers.new", "lock"] {
                unlink("\(self.path)/workers/\(name)")
            }
            for number in 0..<100 { WorkerLog.remove(self.folder.logFile(of: "w-\(number)")) }
            rmdir("\(self.path)/workers")
            rmdir(self.path)
        }

        func write(_ text: String, to name: String) {
            guard let file = fopen("\(self.path)/workers/\(name)", "w") else { return }
            fputs(text, file)
            fclose(file)
        }

        /// So many milliseconds from now.
        func after<Result>(milliseconds: Int64, _ body: (WorkerFolder) -> Result) -> Result {
            self.world.run(forNanoseconds: milliseconds * Nanoseconds.perMillisecond)
            return self.world.run(on: self.loop) { body(self.folder) }
        }

        func exists(_ name: String) -> Bool { access("\(self.path)/workers/\(name)", F_OK) == 0 }

        func registry(fence: Int64, _ numbers: ClosedRange<Int>) -> WorkerRegistry {
            let workers = numbers.map { number in
                RegisteredWorker(
                    id: "w-\(number)",
                    process: ProcessIdentity(place: "shop/1.2", pid: Int32(number + 1), startTicks: 1),
                    state: .ready,
                    startedMicros: 1,
                    sinceMicros: 1,
                    shape: 1,
                    keeper: "c",
                    log: self.folder.logFile(of: "w-\(number)"),
                    address: "a:1"
                )
            }
            return WorkerRegistry(fence: fence, workers: workers)
        }
    }

    @Test func saved_isLoaded_andALeaderOfBeforeChangesNothing() {
        let rig = Rig()
        #expect(rig.folder.load(pool: "p")?.workers.isEmpty == true && rig.folder.pools == [])
        let registry = rig.registry(fence: 5, 0...2)
        #expect(rig.folder.save(registry, pool: "p"))
        #expect(rig.folder.load(pool: "p") == registry && rig.folder.pools == ["p"])
        #expect(!rig.folder.save(rig.registry(fence: 4, 0...0), pool: "p"))
        #expect(rig.folder.load(pool: "p") == registry)
        #expect(rig.folder.save(rig.registry(fence: 5, 0...0), pool: "p"))
        #expect(rig.folder.load(pool: "p")?.workers.count == 1)
        #expect(!rig.exists("p.workers.new"))
    }

    /// Nothing of it is lost: what can be read counts, and the file is kept.
    @Test func damagedFile_isKeptBeside_andWhatCanBeReadCounts() {
        let rig = Rig()
        let text = rig.registry(fence: 5, 0...2).text
        rig.write(text.replacing("w-1 1 ready", with: "w-1 1 raedy"), to: "p.workers")
        #expect(rig.folder.load(pool: "p")?.workers.map(\.id) == ["w-0", "w-2"])
        #expect(rig.exists("p.workers.damaged") && !rig.exists("p.workers"))
        #expect(rig.folder.save(rig.registry(fence: 1, 0...0), pool: "p"))
    }

    /// Outputs of those that died are bounded; those of workers that run are none of them, whose pool ever they are.
    @Test func outputs_ofTheDead_areKeptUpToALimit() {
        let rig = Rig()
        #expect(rig.folder.save(rig.registry(fence: 1, 0...4), pool: "q"))
        for number in 0..<60 { rig.write("x", to: "w-\(number).log") }
        rig.folder.tidy(keeping: Set((5...9).map { rig.folder.logFile(of: "w-\($0)") }))
        #expect((0...9).allSatisfy { rig.exists("w-\($0).log") })
        #expect((10..<60).count { rig.exists("w-\($0).log") } == WorkerFolder.keptLogs)
    }

    /// Seen before: of outputs that were in memory the part that was cut off stayed on the disk for ever.
    @Test func outputs_cutOffPartsAlone_areOutputs() {
        let rig = Rig()
        for number in 0..<60 { rig.write("x", to: "w-\(number).log.1") }
        for number in 0..<5 { rig.write("x", to: "w-\(number).log") }
        rig.folder.tidy(keeping: Set((0...9).map { rig.folder.logFile(of: "w-\($0)") }))
        #expect((0...9).allSatisfy { rig.exists("w-\($0).log.1") } && (0..<5).allSatisfy { rig.exists("w-\($0).log") })
        #expect((10..<60).count { rig.exists("w-\($0).log.1") } == WorkerFolder.keptLogs)
    }

    /// Seen before: told every second, and nowhere in status.
    @Test func listThatCannotBeWritten_isAProblemUntilItIs_andToldOnce() throws {
        let told = Record<[String]>([])
        let rig = Rig { line in told.update { $0.append(line) } }
        // Writing to it says that the disk is full.
        #expect(symlink("/dev/full", "\(rig.path)/workers/p.workers.new") == 0)
        for _ in 0..<3 { #expect(!rig.folder.save(rig.registry(fence: 1, 0...0), pool: "p")) }
        let problem = try #require(rig.folder.problem(pool: "p"))
        let start = "pool p: the list of workers cannot be written to \(rig.path)/workers/p.workers since "
        #expect(problem.hasPrefix(start))
        #expect(problem.contains("No space left") && problem.hasSuffix("Free space under \(rig.path)/workers"))
        #expect(rig.folder.problem(pool: "q") == nil && told.value.count == 1, "\(told.value)")
        unlink("\(rig.path)/workers/p.workers.new")
        #expect(rig.folder.save(rig.registry(fence: 1, 0...0), pool: "p"))
        #expect(rig.folder.problem(pool: "p") == nil && told.value.count == 2, "\(told.value)")
    }

    /// Seen before: a list that could not be opened, for want of descriptors for instance, was taken for none, and written
    /// over by one that did not know of its workers.
    @Test func listThatCannotBeRead_isNoEmptyOne_andIsNotWrittenOver() throws {
        let told = Record<[String]>([])
        let rig = Rig { line in told.update { $0.append(line) } }
        let file = "\(rig.path)/workers/p.workers"
        // It leads to itself: nobody can open it.
        #expect(symlink("p.workers", file) == 0)
        for number in 0..<60 { rig.write("x", to: "w-\(number).log") }
        #expect(rig.folder.load(pool: "p") == nil && rig.folder.load(pool: "q")?.workers == [])
        #expect(!rig.folder.save(rig.registry(fence: 9, 0...0), pool: "p"))
        rig.folder.tidy(keeping: [])
        #expect((0..<60).allSatisfy { rig.exists("w-\($0).log") }, "whose they are is not known")
        let problem = try #require(rig.folder.problem(pool: "p"))
        #expect(problem.hasPrefix("pool p: the list of workers cannot be read from \(file) since "), "\(problem)")
        #expect(problem.contains("symbolic links") && problem.contains("ulimit -n"), "\(problem)")
        #expect(rig.folder.problem(pool: "q") == nil && told.value.count == 1, "\(told.value)")
        unlink(file)
        let registry = rig.registry(fence: 5, 0...2)
        rig.write(registry.text, to: "p.workers")
        #expect(rig.folder.load(pool: "p") == registry)
        #expect(rig.folder.problem(pool: "p") == nil && told.value.count == 2, "\(told.value)")
    }

    @Test func folderThatCannotBeListed_isNoEmptyOne() throws {
        let rig = Rig()
        let folder = "\(rig.path)/workers"
        #expect(rmdir(folder) == 0 && rig.folder.pools == [], "there is none")
        #expect(symlink("workers", folder) == 0)
        #expect(rig.folder.pools == nil)
        #expect(rig.folder.problem(pool: "p")?.contains("cannot be read from \(folder) since ") == true)
        #expect(unlink(folder) == 0 && mkdir(folder, 0o700) == 0)
        // Seen before: what could not be read once was a problem until somebody read it again.
        #expect(rig.folder.problem(pool: "p") == nil && rig.folder.pools == [])
    }

    /// Seen before: with a controller stopped in the middle of a write, the other ones never wrote again and did not say so.
    @Test func lockThatIsHeld_isAProblemThatNamesItsHolder_afterASecond() throws {
        let told = Record<[String]>([])
        let rig = Rig { line in told.update { $0.append(line) } }
        let registry = rig.registry(fence: 1, 0...0)
        #expect(rig.folder.save(registry, pool: "p"))
        let lock = open("\(rig.path)/workers/lock", O_RDWR | O_CLOEXEC)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
        #expect(!rig.after(milliseconds: 0) { $0.save(registry, pool: "p") })
        #expect(rig.after(milliseconds: 500) { $0.problem(pool: "p") } == nil, "a write takes time")
        #expect(told.value.isEmpty)
        for _ in 0..<3 { #expect(!rig.after(milliseconds: 600) { $0.save(registry, pool: "p") }) }
        let problem = try #require(rig.after(milliseconds: 0) { $0.problem(pool: "p") })
        #expect(problem.contains("process \(getpid()) holds \(rig.path)/workers/lock"), "\(problem)")
        #expect(told.value.count == 1, "\(told.value)")
        #expect(flock(lock, LOCK_UN) == 0)
        #expect(rig.after(milliseconds: 0) { $0.save(registry, pool: "p") })
        #expect(rig.after(milliseconds: 0) { $0.problem(pool: "p") } == nil && told.value.count == 2, "\(told.value)")
    }

    @Test func mark_readBack_isTheSame() {
        let plan = WorkerPlan(
            id: "p-1",
            pool: "p",
            executable: "x",
            arguments: [],
            shape: 0xAB,
            log: "/with a space/p-1.log",
            address: nil
        )
        #expect(WorkerMark(text: WorkerMark(plan).text) == WorkerMark(plan))
        let told = WorkerPlan(
            id: "p-2",
            pool: "p",
            executable: "x",
            arguments: [],
            shape: 0xAB,
            log: "/p-2.log",
            address: .loopback(port: 8_080)
        )
        #expect(WorkerMark(text: WorkerMark(told).text) == WorkerMark(told))
        #expect(WorkerMark(text: WorkerMark(told).text)?.address == "127.0.0.1:8080")
        for text in ["", "p", "p id", "p id zz /x", "p  1 /x"] { #expect(WorkerMark(text: text) == nil, "\(text)") }
    }
}
