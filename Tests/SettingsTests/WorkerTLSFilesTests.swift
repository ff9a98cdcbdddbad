import Primitives
import Settings
import Testing

@testable import SettingsFile

/// When the files for TLS with workers are read, and what is said of those that cannot be used.
@Suite struct WorkerTLSFilesTests {
    private static let sight = ["ca.pem": FileStamp(inode: 1, bytes: 2, changedNanoseconds: 3)]
    private static let other = ["ca.pem": FileStamp(inode: 9, bytes: 2, changedNanoseconds: 4)]

    private func instant(_ seconds: Int64) -> Instant {
        Instant(nanoseconds: 0).advanced(byNanoseconds: seconds * Nanoseconds.perSecond)
    }

    /// One look; nil when nothing was to be read, else what the log is told: nothing if that has been good.
    private func look(
        _ files: inout WorkerTLSFiles,
        at seconds: Int64,
        _ sight: FileStamps.Sight = Self.sight,
        problem: String? = nil
    ) -> String? {
        var look = files.look(now: self.instant(seconds))
        guard look.looked(sight) else {
            files.foundNothing(look)
            return nil
        }
        guard let problem else {
            files.loaded(look)
            return ""
        }
        return files.refused(look, problem, now: self.instant(seconds)) ?? "said before"
    }

    /// Seen before: a process that had too many files open at its start was without these workers for ever.
    @Test func start_filesCannotBeRead_areReadAgainUntilTheyCan() throws {
        var files = WorkerTLSFiles(WorkerTLSSettings())
        let first = try #require(self.look(&files, at: 1_000, problem: "too many open files"))
        #expect(first.contains("nothing of these settings is in force") && !first.contains("stay in force"))
        #expect(files.problem?.contains("nothing of these settings is in force") == true)
        #expect(files.problem?.hasSuffix(": too many open files") == true)
        #expect(self.look(&files, at: 1_002) == nil, "not at every look")
        #expect(self.look(&files, at: 1_030, problem: "too many open files") == "said before")
        #expect(self.look(&files, at: 1_059) == nil)
        #expect(self.look(&files, at: 1_060) == "")
        #expect(files.problem == nil)
        #expect(self.look(&files, at: 2_000) == nil, "what is in force stays")
    }

    @Test func reload_withTheSameWords_readsWhatCouldNotBeUsed() {
        var files = WorkerTLSFiles(WorkerTLSSettings())
        _ = self.look(&files, at: 1_000, problem: "too many open files")
        files.ask()
        #expect(files.isAsked)
        #expect(self.look(&files, at: 1_001) == "" && !files.isAsked)
        files.ask()
        #expect(!files.isAsked && self.look(&files, at: 1_002) == nil, "new contexts cost connections")
    }

    @Test func newFiles_refused_theOnesBeforeStayInForce() throws {
        var files = WorkerTLSFiles(WorkerTLSSettings())
        #expect(self.look(&files, at: 1_000) == "")
        #expect(self.look(&files, at: 1_002, Self.other) == nil, "perhaps half written")
        let words = try #require(self.look(&files, at: 1_004, Self.other, problem: "no certificate"))
        #expect(words.contains("the ones before stay in force"))
        #expect(files.problem == "new files were refused, the ones before are in force: no certificate")
        #expect(self.look(&files, at: 1_034, Self.other) == "")
        #expect(files.problem == nil)
    }
}
