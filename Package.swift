// swift-tools-version: 6.2
import PackageDescription

/// Every target is compiled with the same switches. The checks set `SLUICE_STRICT`, which makes warnings errors; a
/// user's newer compiler must not fail for a new warning.
let strict: [SwiftSetting] = Context.environment["SLUICE_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]
/// Debug builds, and so all tests, check every access for exclusivity; in release the checks were 5 % of a position
/// poll's CPU time.
let unchecked = SwiftSetting.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
let swift: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), unchecked] + strict

let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

/// A module of `Sources/NAME`, and what it may import: arrows point down this list only.
func module(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    pages: [String] = [],
    resources: [Resource] = []
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: pages, resources: resources, swiftSettings: swift)
}

/// The tests of `Tests/NAME`.
func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: swift)
}

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluice", targets: ["sluice"]),
        .executable(name: "onsale", targets: ["onsale"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // C shims.
        .target(name: "CLinux"),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CNghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),

        // The pure ring: no Dispatch, no Glibc, no Foundation; time and randomness are arguments.
        module("Primitives"),
        module("Admission", ["Primitives", deque], resources: [.embedInCode("room.lua")]),
        module("HTTPWire", ["Primitives"], pages: ["README.md"]),
        module("Scaling", ["Primitives"]),
        module("Addresses", ["Primitives"]),
        module("Settings", ["Addresses", "Primitives"]),
        module("Rooms", ["Admission", "Primitives", "Settings", deque]),
        module("Pools", ["Addresses", "Admission", "Primitives", "Scaling", "Settings"]),
        module("Simulation", ["Admission", "Pools", "Primitives", "Rooms", "Scaling", "Settings", deque, heap]),

        // The I/O ring.
        module("EventLoop", ["CLinux", "Primitives"]),
        module("Transport", ["Addresses", "CLinux", "COpenSSL", "EventLoop", "Primitives"]),
        module("Reports"),
        module("RedisClient", ["Addresses", "CHiredis", "EventLoop", "Primitives", "Transport", deque]),
        module("HTTPService", ["EventLoop", "HTTPWire", "Primitives", "Transport"]),
        module("Observability", ["Primitives", logging]),
        module("SettingsFile", ["CLinux", "COpenSSL", "EventLoop", "Primitives", "Settings", "Yams"]),

        module("EmbeddedRedis", ["CLinux", "EventLoop", "Primitives", "RedisClient", "Transport"]),
        module("Tokens", ["Admission", "COpenSSL", "Primitives"]),

        // The shells.
        module("SharedState", ["Admission", "EventLoop", "Pools", "Primitives", "RedisClient", "Scaling"]),
        module(
            "Gateway",
            [
                "Addresses", "Admission", "EventLoop", "HTTPWire", "Observability", "Pools", "Primitives", "Reports",
                "Rooms", "Scaling", "Settings", "SharedState", "Tokens", "Transport", deque, logging,
            ]
        ),
        module(
            "Controller",
            [
                "Admission", "EventLoop", "HTTPService", "Observability", "Pools", "Primitives", "Reports", "Scaling",
                "Settings", "SharedState", "Transport", logging,
            ]
        ),
        module("AdminAPI", ["EventLoop", "HTTPService", "Observability", "Reports", "Transport"]),
        module("SampleWorker", ["EventLoop", "HTTPService", "Observability", "Pools", "Primitives", "Transport"]),

        // The roots.
        .executableTarget(
            name: "sluice",
            dependencies: [
                "AdminAPI", "Admission", "CLinux", "COpenSSL", "Controller", "EmbeddedRedis", "EventLoop", "Gateway",
                "HTTPService", "Observability", "Pools", "Primitives", "RedisClient", "Reports", "SampleWorker",
                "Settings",
                "SettingsFile", "SharedState", "Tokens", "Transport", arguments, logging,
            ],
            swiftSettings: swift
        ),
        .executableTarget(
            name: "onsale",
            dependencies: [
                "Addresses", "Admission", "CLinux", "CNghttp2", "EventLoop", "HTTPService", "HTTPWire", "Pools",
                "Primitives", "RedisClient", "Rooms", "Scaling", "Settings", "SettingsFile", "Simulation", "Transport",
                "Yams", arguments, histogram,
            ],
            path: "LoadTests/onsale",
            swiftSettings: swift
        ),

        // Tests.
        .target(
            name: "TestKit",
            dependencies: [
                "Admission", "CHiredis", "EmbeddedRedis", "EventLoop", "Pools", "Primitives", "RedisClient", "Scaling",
                "SharedState", "Transport",
            ],
            path: "Tests/TestKit",
            swiftSettings: swift
        ),
        tests("PrimitivesTests", ["Primitives"]),
        tests("AddressesTests", ["Addresses", "Primitives"]),
        tests("AdmissionTests", ["Admission", "Primitives"]),
        tests(
            "RoomScriptTests",
            ["Admission", "CHiredis", "Primitives"],
            resources: [.embedInCode("room-v1.lua")]
        ),
        tests("HTTPWireTests", ["HTTPWire", "Primitives"]),
        tests("ScalingTests", ["Primitives", "Scaling", "Settings", "Simulation"]),
        tests("RoomsTests", ["Admission", "Primitives", "Rooms", "Settings", "TestKit"]),
        tests("SimulationTests", ["Admission", "Primitives", "Rooms", "Settings", "Simulation"]),
        tests("PoolsTests", ["Addresses", "Pools", "Primitives", "Scaling", "Settings"]),
        tests(
            "SettingsTests",
            ["Addresses", "EventLoop", "Primitives", "Settings", "SettingsFile", "Transport"]
        ),
        tests("EventLoopTests", ["CLinux", "EventLoop", "Primitives", "TestKit"]),
        tests("TransportTests", ["CLinux", "EventLoop", "Primitives", "TestKit", "Transport"]),
        tests(
            "RedisClientTests",
            ["Addresses", "CHiredis", "EventLoop", "Primitives", "RedisClient", "TestKit", "Transport"]
        ),
        tests(
            "HTTPServiceTests",
            [
                "AdminAPI", "EventLoop", "HTTPService", "HTTPWire", "Observability", "Primitives", "Reports", "TestKit",
                "Transport",
            ]
        ),
        tests("ReportsTests", ["Reports"]),
        tests(
            "ControllerTests",
            [
                "Admission", "Controller", "EventLoop", "Pools", "Primitives", "Reports", "Scaling", "Settings",
                "SharedState", "TestKit", "Transport", logging,
            ]
        ),
        tests("ObservabilityTests", ["Observability", "Primitives", logging]),
        tests(
            "EmbeddedRedisTests",
            ["EmbeddedRedis", "EventLoop", "Primitives", "RedisClient", "TestKit", "Transport"]
        ),
        tests(
            "SharedStateTests",
            ["Admission", "EventLoop", "Pools", "Primitives", "RedisClient", "Scaling", "SharedState", "TestKit"]
        ),
        tests("TokensTests", ["Admission", "Primitives", "Tokens"]),
        tests(
            "GatewayTests",
            [
                "Addresses", "Admission", "EventLoop", "Gateway", "HTTPWire", "Pools", "Primitives", "Reports",
                "Rooms", "Settings", "SettingsFile", "SharedState", "TestKit", "Tokens", "Transport", logging,
            ]
        ),
        tests("SampleWorkerTests", ["EventLoop", "HTTPService", "Primitives", "SampleWorker", "TestKit", "Transport"]),
        tests(
            "OnsaleTests",
            [
                "Addresses", "Admission", "CNghttp2", "EventLoop", "HTTPWire", "Primitives", "RedisClient", "Settings",
                "SettingsFile", "Simulation", "TestKit", "Transport", "onsale",
            ]
        ),
        tests("IntegrationTests", ["EventLoop", "Primitives", "TestKit", "Transport", "onsale", "sluice"]),
        tests("TidyTests", []),
    ]
)

// What does no I/O gains nothing under a sanitizer, and a fifth of the checks' time goes into such builds.
if Context.environment["SLUICE_SANITIZER"] != nil {
    let sanitized: Set = [
        "ControllerTests", "EmbeddedRedisTests", "EventLoopTests", "GatewayTests", "HTTPServiceTests",
        "IntegrationTests",
        "RedisClientTests", "SampleWorkerTests", "SharedStateTests", "TransportTests",
    ]
    package.targets.removeAll { $0.type == .test && !sanitized.contains($0.name) }
}
