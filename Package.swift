// swift-tools-version: 6.1
import PackageDescription

/// Every target is compiled with the same switches; the checks add `-warnings-as-errors` on the command line.
let swift: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]
/// The request path is measured in instructions: whole-module optimisation comes with `-c release`.
let collections = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let deques = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

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
        // C shims: a module map and one header each.
        .target(name: "CLinux"),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),

        // Pure ring: no Dispatch, no Glibc, no Foundation; time and randomness are arguments.
        .target(name: "Primitives", swiftSettings: swift),
        .target(
            name: "Admission", dependencies: ["Primitives"], resources: [.embedInCode("room.lua")],
            swiftSettings: swift),
        .target(name: "HTTPWire", dependencies: ["Primitives"], swiftSettings: swift),
        .target(name: "Scaling", dependencies: ["Primitives"], swiftSettings: swift),
        .target(name: "Settings", dependencies: ["Primitives"], swiftSettings: swift),

        // I/O ring.
        .target(name: "EventLoop", dependencies: ["CLinux", "Primitives", collections, deques], swiftSettings: swift),
        .target(
            name: "Transport", dependencies: ["CLinux", "COpenSSL", "EventLoop", "Primitives", deques],
            swiftSettings: swift),
        .target(name: "RedisClient", dependencies: ["CHiredis", "Transport", deques], swiftSettings: swift),
        .target(name: "Observability", dependencies: ["Primitives", logging], swiftSettings: swift),
        .target(name: "HTTPService", dependencies: ["HTTPWire", "Transport"], swiftSettings: swift),
        .target(name: "SettingsFile", dependencies: ["CLinux", "Settings", "EventLoop", "Yams"], swiftSettings: swift),

        // Shells.
        .target(
            name: "SharedState", dependencies: ["Admission", "RedisClient", "Scaling", "Settings", "Observability"],
            swiftSettings: swift),
        .target(
            name: "Gateway",
            dependencies: ["Admission", "COpenSSL", "HTTPWire", "Settings", "SharedState", "Transport", "Observability"],
            swiftSettings: swift),
        .target(
            name: "Controller", dependencies: ["Scaling", "Settings", "SharedState", "HTTPService", "Observability"],
            swiftSettings: swift),
        .target(name: "AdminAPI", dependencies: ["HTTPService", "Observability"], swiftSettings: swift),
        .target(name: "SampleWorker", dependencies: ["HTTPService", "Observability"], swiftSettings: swift),

        // Roots.
        .executableTarget(
            name: "sluice",
            dependencies: ["Gateway", "Controller", "AdminAPI", "SampleWorker", "SettingsFile", arguments],
            swiftSettings: swift),
        .executableTarget(
            name: "onsale", dependencies: ["HTTPWire", "RedisClient", "Transport", arguments, histogram],
            path: "LoadTests/onsale", swiftSettings: swift),
    ]
)
