class PiriAgent < Formula
  desc "Runs the commands of a Piri Manager on this host"
  homepage "https://example.org/piri/releases"
  version "0.3.0"
  license "MIT"

  on_macos do
    on_arm do
      url "https://example.org/piri/releases/download/v0.3.0/piri-agent-macos-arm64"
      sha256 "0303030303030303030303030303030303030303030303030303030303030303"
    end
    on_intel do
      url "https://example.org/piri/releases/download/v0.3.0/piri-agent-macos-x64"
      sha256 "0202020202020202020202020202020202020202020202020202020202020202"
    end
  end

  on_linux do
    on_arm do
      url "https://example.org/piri/releases/download/v0.3.0/piri-agent-linux-arm64"
      sha256 "0101010101010101010101010101010101010101010101010101010101010101"
    end
    on_intel do
      url "https://example.org/piri/releases/download/v0.3.0/piri-agent-linux-x64"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end
  end

  def install
    # The system demands that no byte of it changes.
    bin.install Dir["piri-agent-*"].first => "piri-agent"
  end

  service do
    run [opt_bin/"piri-agent", "run", "--dir", var/"lib/piri-agent"]
    keep_alive true
    log_path var/"log/piri-agent.log"
    error_log_path var/"log/piri-agent.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/piri-agent --version")
  end
end
