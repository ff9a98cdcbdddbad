import EventLoop
import Foundation
import Settings
import Synchronization
import Testing

@testable import SettingsFile

/// A watcher on a loop of its own, and what it tells.
private final class Watch: Sendable {
    let loop: EventLoop
    let path: String
    private let results: AsyncStream<Result<Settings, SettingsError>>
    private let watcher = Mutex<SettingsWatcher?>(nil)
    private let told = Mutex(0)

    init(_ path: String, running: Settings) async throws {
        self.loop = try EventLoop(label: "watch")
        self.path = path
        let (stream, continuation) = AsyncStream<Result<Settings, SettingsError>>.makeStream()
        self.results = stream
        try await self.onLoop {
            let watcher = try SettingsWatcher(path: path, running: running, on: self.loop) { result in
                self.told.withLock { $0 += 1 }
                continuation.yield(result)
            }
            self.watcher.withLock { $0 = watcher }
        }
    }

    func close() async throws {
        try await self.onLoop {
            self.watcher.withLock {
                $0?.close()
                $0 = nil
            }
        }
        await withCheckedContinuation { continuation in self.loop.shutdown { continuation.resume() } }
    }

    func onLoop<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            self.loop.submit { continuation.resume(with: Result { try body() }) }
        }
    }

    func reload() async throws { try await self.onLoop { self.watcher.withLock { $0?.reload() } } }

    var loads: UInt64 { get async throws { try await self.onLoop { self.watcher.withLock { $0?.loads ?? 0 } } } }

    /// Looks again every few milliseconds; the test's time limit is the deadline.
    func loaded(moreThan loads: UInt64) async {
        await withCheckedContinuation { continuation in
            self.loop.submit { self.look(loads, continuation) }
        }
    }

    private func look(_ loads: UInt64, _ continuation: CheckedContinuation<Void, Never>) {
        if let watcher = self.watcher.withLock({ $0 }), watcher.loads > loads { return continuation.resume() }
        self.loop.after(nanoseconds: 5_000_000) { self.look(loads, continuation) }
    }
    var toldCount: Int { self.told.withLock { $0 } }

    /// The test's time limit is the deadline.
    func next() async -> Result<Settings, SettingsError>? {
        for await result in self.results { return result }
        return nil
    }

    func nextInflow() async throws -> Int64? { try await self.next()?.get().rooms.first?.inflowMilli }
}

@Suite(.timeLimit(.minutes(30))) struct SettingsWatcherTests {
    private func text(inflow: Int) -> String { SettingsText.smallest.replacing("120/s", with: "\(inflow)/s") }

    private func started(_ folder: TestFolder, name: String = "s.yaml") async throws -> Watch {
        let path = "\(folder.path)/\(name)"
        let watch = try await Watch(path, running: SettingsFile.load(path))
        // The load of the start is over, so that what follows is told by events alone.
        await watch.loaded(moreThan: 0)
        return watch
    }

    @Test func writtenInPlace_isTold() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try folder.write(self.text(inflow: 120), to: "s.yaml")
        let watch = try await self.started(folder)
        try folder.write(self.text(inflow: 130), to: "s.yaml")
        #expect(try await watch.nextInflow() == 130_000)
        try await watch.close()
    }

    @Test func renamedOver_isToldEveryTime() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try folder.write(self.text(inflow: 120), to: "s.yaml")
        let watch = try await self.started(folder)
        for inflow in [130, 140, 150] {
            try folder.write(self.text(inflow: inflow), to: "new")
            #expect(rename(folder.path + "/new", folder.path + "/s.yaml") == 0)
            #expect(try await watch.nextInflow() == Int64(inflow) * 1000)
        }
        try await watch.close()
    }

    /// As Kubernetes updates a mounted ConfigMap: s.yaml -> ..data/s.yaml, ..data -> a new folder each time.
    @Test func symlinkSwapped_isToldEveryTime() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let manager = FileManager.default
        func publish(_ inflow: Int) throws {
            try manager.createDirectory(atPath: "\(folder.path)/..\(inflow)", withIntermediateDirectories: false)
            try folder.write(self.text(inflow: inflow), to: "..\(inflow)/s.yaml")
            try manager.createSymbolicLink(atPath: folder.path + "/..tmp", withDestinationPath: "..\(inflow)")
            #expect(rename(folder.path + "/..tmp", folder.path + "/..data") == 0)
        }
        try publish(120)
        try manager.createSymbolicLink(atPath: folder.path + "/s.yaml", withDestinationPath: "..data/s.yaml")
        let watch = try await self.started(folder)
        for inflow in [130, 140] {
            try publish(inflow)
            #expect(try await watch.nextInflow() == Int64(inflow) * 1000)
        }
        try await watch.close()
    }

    @Test func linkIntoAnotherFolder_isFollowed() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let other = try TestFolder()
        defer { other.remove() }
        try other.write(self.text(inflow: 120), to: "real.yaml")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/s.yaml",
            withDestinationPath: other.path + "/real.yaml"
        )
        let watch = try await self.started(folder)
        try other.write(self.text(inflow: 130), to: "real.yaml")
        #expect(try await watch.nextInflow() == 130_000)
        try await watch.close()
    }

    @Test func badFile_isToldWithItsReason_andTheOldOneComingBackToo() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try folder.write(self.text(inflow: 120), to: "s.yaml")
        let watch = try await self.started(folder)
        try folder.write(SettingsText.smallest.replacing("120/s", with: "fast"), to: "s.yaml")
        let bad = await watch.next()
        #expect(throws: SettingsError.self) { try bad?.get() }
        try folder.write(self.text(inflow: 120), to: "s.yaml")
        #expect(try await watch.nextInflow() == 120_000)
        try await watch.close()
    }

    /// The file that was saved last is the one that counts among gateways, whatever was changed in it.
    @Test func onlyAComment_isTold_asALaterGeneration() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try folder.write(self.text(inflow: 120), to: "s.yaml")
        let watch = try await self.started(folder)
        let before = try SettingsFile.load("\(folder.path)/s.yaml")
        try folder.write("# a word\n" + self.text(inflow: 120), to: "s.yaml")
        let after = try #require(try await watch.next()?.get())
        #expect(after.generation > before.generation)
        #expect(Settings.changes(from: before, to: after) == [])
        try await watch.reload()
        #expect(try await watch.nextInflow() == 120_000)
        try await watch.close()
    }

    @Test func changedBetweenLoadAndWatch_isTold() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try folder.write(self.text(inflow: 120), to: "s.yaml")
        let running = try SettingsFile.load(folder.path + "/s.yaml")
        try folder.write(self.text(inflow: 130), to: "s.yaml")
        let watch = try await Watch(folder.path + "/s.yaml", running: running)
        #expect(try await watch.nextInflow() == 130_000)
        try await watch.close()
    }

    @Test func folderGoneAndBack_isWatchedAgain() async throws {
        let outer = try TestFolder()
        defer { outer.remove() }
        let manager = FileManager.default
        try manager.createDirectory(atPath: outer.path + "/conf", withIntermediateDirectories: false)
        try outer.write(self.text(inflow: 120), to: "conf/s.yaml")
        let watch = try await self.started(outer, name: "conf/s.yaml")
        try manager.moveItem(atPath: outer.path + "/conf", toPath: outer.path + "/old")
        let gone = await watch.next()
        #expect(throws: SettingsError.self) { try gone?.get() }
        try manager.createDirectory(atPath: outer.path + "/conf", withIntermediateDirectories: false)
        try outer.write(self.text(inflow: 130), to: "conf/s.yaml")
        #expect(try await watch.nextInflow() == 130_000)
        try outer.write(self.text(inflow: 140), to: "conf/s.yaml")
        #expect(try await watch.nextInflow() == 140_000)
        try await watch.close()
    }
}
